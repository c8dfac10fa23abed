import { expect, it } from 'vitest';
import { besideStep, describeTime, spend } from './timespent.js';
import type { TimeSpent } from './timespent.js';

it('adds the time of each part, also of work that fails, and gives their shares', async () => {
  const run: { spent?: TimeSpent } = {};
  expect(describeTime(run.spent)).toBeUndefined();
  const pause = (ms: number): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('done'), ms));
  expect(await spend(run, 'evaluation', () => pause(20))).toBe('done');
  await expect(spend(run, 'evaluation', () => pause(20).then(() => Promise.reject(new Error('no'))))).rejects.toThrow('no');
  // Timers may fire a millisecond early by this clock.
  expect(run.spent!.evaluation).toBeGreaterThan(0.037);
  expect(run.spent).toMatchObject({ steps: 0, checkpoints: 0, watching: 0 });
  const spent = { steps: 16, evaluation: 2.5, checkpoints: 1, watching: 0.5 };
  expect(describeTime(spent)).toBe('steps 80.0 %, evaluation 12.5 %, checkpoints 5.0 %, watching 2.5 %');
  expect(besideStep(spent, 10)).toBeCloseTo(0.15, 12);
  expect(besideStep(undefined, 10)).toBe(0);
});
