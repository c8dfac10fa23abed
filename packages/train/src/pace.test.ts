import { expect, it } from 'vitest';
import { lineRate, paceAfterLine, paceAfterStep, secondsPerStep, startingPace } from './pace.js';

const after = (...steps: number[]) => steps.reduce((pace, seconds) => paceAfterStep(pace, { tokens: 100, seconds }), startingPace);

it('the first step, in which the engine makes its graph, counts for the time left until another is timed', () => {
  expect(secondsPerStep(startingPace)).toBeUndefined();
  expect(secondsPerStep(paceAfterStep(startingPace, { tokens: 100, seconds: 20, making: 19, work: 2 }))).toBe(0.5);
  expect(secondsPerStep(after(20, 0.5))).toBe(0.5);
  expect(secondsPerStep(after(20, 0.5, 0.25))).toBe(0.375);
});

it('a resumed run counts on its earlier pace until it has timed a step', () => {
  const resumed = { ...startingPace, before: 0.25 };
  expect(secondsPerStep(resumed)).toBe(0.25);
  const first = paceAfterStep(resumed, { tokens: 100, seconds: 20, making: 18 });
  expect(secondsPerStep(first)).toBe(0.25);
  expect(secondsPerStep(paceAfterLine(paceAfterStep(first, { tokens: 100, seconds: 0.5 })))).toBe(0.5);
});

it('a later step that compiles again, or a machine that slept, does not count either; a step of many passes does', () => {
  expect(secondsPerStep(after(20, 0.5, 0.5, 60, 0.5))).toBe(0.5);
  expect(secondsPerStep(after(20, 1, 1, 1, 3))).toBe(1.5);
});

it('only recent steps count', () => {
  expect(secondsPerStep(after(20, ...new Array<number>(90).fill(5), ...new Array<number>(50).fill(1)))).toBe(1);
});

it('a metric line begins anew', () => {
  const pace = after(1, 1);
  expect(lineRate(pace)).toBe(100);
  expect(lineRate(paceAfterLine(pace))).toBe(0);
  expect(lineRate(paceAfterStep(paceAfterLine(pace), { tokens: 100, seconds: 0.5 }))).toBe(200);
});
