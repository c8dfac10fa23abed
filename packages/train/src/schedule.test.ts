import { describe, expect, it } from 'vitest';
import type { TrainingPlan } from '@mdiff/curriculum';
import { dropoutShare, learningRate, rateAt, warmupOf } from './schedule.js';
import { emaDecay } from './loop.js';

const peak = { learning_rate: 0.0002, min_learning_rate: 0.00002, wsd_decay_fraction: 0.6 };

describe('learning rate (configuration specification 4.7)', () => {
  it.each([
    ['cosine', 0, 0.000002],
    ['cosine', 99, 0.0002],
    ['cosine', 549, 0.00011],
    ['linear', 549, 0.00011],
    ['cosine', 999, 0.00002],
    ['linear', 999, 0.00002],
    ['constant', 999, 0.0002],
    ['wsd', 399, 0.0002],
    ['wsd', 699, 0.00011],
    ['wsd', 999, 0.00002],
  ] as const)('%s at step %i of 1000, warm-up 100', (scheduler, step, expected) => {
    expect(rateAt({ ...peak, scheduler }, step, 1000, 100)).toBeCloseTo(expected, 12);
  });

  it('warms up over at most a tenth of the stage', () => {
    expect([1650, 3400, 15000].map((steps) => warmupOf(1000, steps))).toEqual([165, 340, 1000]);
  });

  const plan = {
    totalSteps: 300,
    stages: [
      { index: 0, firstStep: 0, steps: 100 },
      { index: 1, firstStep: 100, steps: 200 },
    ],
  } as TrainingPlan;

  it('restarts once per stage with cosine_with_restarts', () => {
    const config = { ...peak, scheduler: 'cosine_with_restarts', warmup_steps: 5 } as const;
    expect(learningRate(config, true, plan, 99)).toBeCloseTo(0.00002, 12);
    expect(learningRate(config, true, plan, 100)).toBeCloseTo(0.0002 / 5, 12);
    expect(learningRate(config, true, plan, 299)).toBeCloseTo(0.00002, 12);
  });

  it('warms up again after a reset with the other schedulers, and only then', () => {
    const config = { ...peak, scheduler: 'constant', warmup_steps: 4 } as const;
    expect([100, 101, 103, 104].map((step) => learningRate(config, true, plan, step))).toEqual([0.00005, 0.0001, 0.0002, 0.0002]);
    expect(learningRate(config, false, plan, 100)).toBe(0.0002);
  });
});

describe('dropout and EMA (4.8)', () => {
  it('lets dropout fall linearly to 0', () => {
    expect(0.1 * dropoutShare('decay', 500, 1001)).toBeCloseTo(0.05, 12);
    expect(dropoutShare('decay', 1000, 1001)).toBe(0);
    expect(dropoutShare('constant', 1000, 1001)).toBe(1);
  });

  it('forgets the initial weights in short runs', () => {
    expect(emaDecay(0.999, 1)).toBeCloseTo(2 / 11, 12);
    expect(emaDecay(0.999, 100_000)).toBe(0.999);
    expect(emaDecay(0, 5)).toBe(0);
  });
});
