import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MaskScheduleName, maskSchedules, splitBlocks, unmaskPlan } from './plan.js';
import { samplers } from './sampler.js';

const schedules = Object.keys(maskSchedules) as MaskScheduleName[];

describe('unmaskPlan', () => {
  it.each([
    ['linear', [75, 50, 25, 0]],
    ['cosine', [92, 70, 38, 0]],
    ['constant', [31, 10, 3, 0]],
  ] as const)('%s leaves the numbers of the specification', (schedule, expected) => {
    expect(unmaskPlan(100, 4, schedule)).toEqual(expected);
  });

  it('falls to 0 in at most numSteps steps, by at least one each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 400 }), fc.constantFrom(...schedules), (masks, numSteps, schedule) => {
        const plan = unmaskPlan(masks, numSteps, schedule);
        expect(plan.length).toBeLessThanOrEqual(Math.min(masks, numSteps));
        expect(plan.at(-1)).toBe(0);
        plan.forEach((left, k) => expect(left).toBeLessThan(plan[k - 1] ?? masks));
      }),
    );
  });

  it('keeps whole numbers whole where rounding would lose one', () => {
    for (let n = 1; n <= 200; n++) expect(unmaskPlan(n, n, 'linear')).toEqual(Array.from({ length: n }, (_, k) => n - 1 - k));
    expect(unmaskPlan(1000, 3, 'constant')).toEqual([100, 10, 0]);
  });

  it('has nothing to do without masks', () => expect(unmaskPlan(0, 5, 'linear')).toEqual([]));

  it('refuses an unknown schedule', () => {
    expect(() => unmaskPlan(5, 5, 'wsd' as MaskScheduleName)).toThrow('expected one of linear, cosine, constant, got "wsd"');
  });
});

it('ancestral takes every step asked for, first_hitting one per mask', () => {
  expect(samplers.ancestral.plan(4, 8, 'linear')).toEqual([3, 3, 2, 2, 1, 1, 0, 0]);
  expect(samplers.first_hitting.plan(3, 50, 'linear')).toEqual([2, 1, 0]);
});

describe('splitBlocks', () => {
  it('is one block without a block length', () => {
    expect(splitBlocks([3, 4, 9], null, 7)).toEqual([{ positions: [3, 4, 9], steps: 7 }]);
  });

  it('covers blockLength positions from a mask on, and shares the steps', () => {
    expect(splitBlocks([3, 4, 5, 9, 10, 11], 2, 8)).toEqual([
      { positions: [3, 4], steps: 2 },
      { positions: [5], steps: 2 },
      { positions: [9, 10], steps: 2 },
      { positions: [11], steps: 2 },
    ]);
    expect(splitBlocks([0, 1, 2, 3, 4, 5], 2, 11).map((b) => b.steps)).toEqual([4, 4, 3]);
  });

  it('joins blocks rather than exceed the steps', () => {
    expect(splitBlocks([0, 1, 2, 3, 4], 1, 2)).toEqual([
      { positions: [0, 1, 2], steps: 1 },
      { positions: [3, 4], steps: 1 },
    ]);
  });

  it('loses no mask and no step', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), (set, blockLength, numSteps) => {
        const positions = set.sort((a, b) => a - b);
        const blocks = splitBlocks(positions, blockLength, numSteps);
        expect(blocks.flatMap((b) => b.positions)).toEqual(positions);
        expect(blocks.reduce((sum, b) => sum + b.steps, 0)).toBe(numSteps);
        for (const block of blocks) expect(block.steps).toBeGreaterThan(0);
      }),
    );
  });
});
