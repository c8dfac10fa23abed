import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplers } from './samplers.js';
import { type ScheduleName, scheduleCurves, shareLeft, strictSchedule } from './schedule.js';

const names = Object.keys(scheduleCurves) as ScheduleName[];

describe('strictSchedule', () => {
  it.each([
    ['linear', [75, 50, 25, 0]],
    ['cosine', [92, 70, 38, 0]],
    ['constant', [31, 10, 3, 0]],
  ] as const)('%s leaves the numbers of docs/configuration-specification.md', (name, expected) => {
    expect(strictSchedule(100, 4, name)).toEqual(expected);
  });

  it('falls to 0 in at most numSteps steps, by at least one each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(...names),
        (masks, numSteps, name) => {
          const schedule = strictSchedule(masks, numSteps, name);
          expect(schedule.length).toBeLessThanOrEqual(Math.min(masks, numSteps));
          expect(schedule.at(-1)).toBe(0);
          schedule.forEach((left, k) => expect(left).toBeLessThan(schedule[k - 1] ?? masks));
        },
      ),
    );
  });

  it('keeps whole numbers whole where rounding would lose one', () => {
    for (let n = 1; n <= 200; n++) expect(strictSchedule(n, n, 'linear')).toEqual(Array.from({ length: n }, (_, k) => n - 1 - k));
    expect(strictSchedule(1000, 3, 'constant')).toEqual([100, 10, 0]);
  });

  it('has nothing to do without masks', () => expect(strictSchedule(0, 5, 'linear')).toEqual([]));

  it('refuses an unknown schedule', () => {
    expect(() => strictSchedule(5, 5, 'wsd' as ScheduleName)).toThrow('expected one of linear, cosine, constant, got "wsd"');
  });
});

it('ancestral takes every step asked for, first_hitting one per mask', () => {
  expect(samplers.ancestral.schedule(4, 8, 'linear')).toEqual([3, 3, 2, 2, 1, 1, 0, 0]);
  expect(samplers.first_hitting.schedule(3, 50, 'linear')).toEqual([2, 1, 0]);
});

it.each(names)('%s leaves a share that falls to 0 without a jump, for samplers that may commit none in a step', (name) => {
  for (const total of [1, 2, 128]) {
    const shares = Array.from({ length: 1001 }, (_, step) => shareLeft(name, { step, of: 1000, total }));
    expect([shares[0], shares[1000]]).toEqual([1, 0]);
    for (let step = 1; step <= 1000; step++) expect(shares[step]).toBeLessThan(shares[step - 1]!);
    expect(shares[999]).toBeLessThan(0.002);
  }
});
