import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { blendAt, planStages, scale, stageAt, truncate, type PlanOptions } from './plan.js';

// The three_stage preset and the rows of the worked examples of the configuration specification, sections 4.4 and 4.6.
const stage = (name: string, epochs: number, masking_rate_range: [number, number]) => ({ name, epochs, masking_rate_range, data_selection: 'all', format_type: 'sentences' }) as const;
const stages = [stage('foundation', 50, [0.75, 0.9]), stage('structural', 100, [0.4, 0.6]), stage('refinement', 150, [0.1, 0.3])];
const rowsPerStage = [1056, 1088, 3200];
const plan = (training: Partial<PlanOptions['training']> = {}, curriculum: Partial<PlanOptions['curriculum']> = {}, rows = rowsPerStage) =>
  planStages({
    curriculum: { stages, transition_epochs: 5, ...curriculum },
    training: { batch_size: 32, gradient_accumulation_steps: 1, max_epochs: 300, max_steps: null, on_max_steps: 'scale', ...training },
    rowsPerStage: rows,
  });
const steps = (...args: Parameters<typeof plan>) => plan(...args).stages.map((one) => one.steps);

describe('planStages', () => {
  it('counts epochs × ⌈rows / effective batch⌉', () => {
    expect(steps()).toEqual([1650, 3400, 15000]);
    expect(steps({ batch_size: 8, gradient_accumulation_steps: 4 })).toEqual([1650, 3400, 15000]);
    expect(steps({}, {}, [1057, 1, 32])).toEqual([1700, 100, 150]);
    expect(plan().stages.map(({ firstStep }) => firstStep)).toEqual([0, 1650, 5050]);
    expect(plan().totalSteps).toBe(20050);
  });

  it('cuts epochs from the end at max_epochs, which max_steps switches off', () => {
    expect(plan({ max_epochs: 120 }).stages.map(({ epochs }) => epochs)).toEqual([50, 70, 0]);
    expect(plan({ max_epochs: 120, max_steps: 2000 }).stages.map(({ epochs }) => epochs)).toEqual([50, 100, 150]);
  });

  it('scales to max_steps by largest remainder', () => {
    expect(steps({ max_steps: 2000 })).toEqual([165, 339, 1496]);
    expect(steps({ max_steps: 3 })).toEqual([1, 1, 1]);
    expect(plan({ max_steps: 100_000 }).totalSteps).toBe(100_000);
    expect(() => plan({ max_steps: 2 })).toThrow('training.max_steps: expected an integer >= 3 (one step per stage) for on_max_steps "scale", got 2');
  });

  it('truncates the unscaled plan', () => {
    expect(steps({ max_steps: 2000, on_max_steps: 'truncate' })).toEqual([1650, 350, 0]);
    expect(plan({ max_steps: 10 ** 9, on_max_steps: 'truncate' }).totalSteps).toBe(20050);
  });

  it('refuses a stage without rows', () => {
    expect(() => plan({}, {}, [1, 0, 1])).toThrow(expect.objectContaining({ code: 'MDIFF_CURRICULUM', message: expect.stringMatching(/^curriculum\.stages\[1\]: /) as string }));
  });
});

describe('scale and truncate', () => {
  const planned = fc.array(fc.integer({ min: 1, max: 10 ** 6 }), { minLength: 1, maxLength: 32 });
  it('scale shares out exactly max steps, at least one each and within one of the quota where the quota is at least one', () => {
    fc.assert(
      fc.property(planned, fc.integer({ min: 0, max: 10 ** 9 }), (stagesSteps, more) => {
        const max = stagesSteps.length + more;
        const shares = scale(stagesSteps, max);
        expect(shares.reduce((a, b) => a + b, 0)).toBe(max);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('give ties to the earlier stage', () => {
    expect(scale([1, 1, 1], 4)).toEqual([2, 1, 1]);
    expect(scale([1, 1, 1], 5)).toEqual([2, 2, 1]);
    expect(scale([1, 1000], 2)).toEqual([1, 1]);
  });

  it('truncate keeps the head', () => {
    expect(truncate([3, 4, 5], 5)).toEqual([3, 2, 0]);
    expect(truncate([3, 4], 100)).toEqual([3, 4]);
  });
});

describe('stageAt and blendAt', () => {
  it('find the stage of a step, and refuse steps outside the plan', () => {
    const full = plan();
    expect([0, 1649, 1650, 5049, 5050, 20049].map((step) => stageAt(full, step).stage.name)).toEqual(['foundation', 'foundation', 'structural', 'structural', 'refinement', 'refinement']);
    for (const step of [-1, 20050, NaN]) expect(() => stageAt(full, step)).toThrow(RangeError);
    expect(stageAt(plan({ max_steps: 1651, on_max_steps: 'truncate' }), 1650).stage.name).toBe('structural');
  });

  it('blend the masking rates over the first epochs of a later stage', () => {
    const full = plan();
    const ranges = [0, 1, 2, 3, 4, 5].map((epoch) => blendAt(full, 1650 + epoch * 34).range.map((rate) => Number(rate.toFixed(4))));
    expect(ranges).toEqual([[0.6917, 0.85], [0.6333, 0.8], [0.575, 0.75], [0.5167, 0.7], [0.4583, 0.65], [0.4, 0.6]]);
    expect(blendAt(full, 0)).toEqual({ epoch: 0, own: 1, range: [0.75, 0.9] });
    expect(blendAt(full, 1650).own).toBe(1 / 6);
  });

  it('count plan epochs when steps are scaled, and blend at most half a stage', () => {
    const scaled = plan({ max_steps: 2000 });
    // Stage two has 339 steps for 100 epochs; its sixth epoch begins at step ⌈5 · 3.39⌉ = 17.
    expect(blendAt(scaled, 165 + 16).epoch).toBe(4);
    expect(blendAt(scaled, 165 + 17)).toMatchObject({ epoch: 5, own: 1 });
    expect(plan({}, { transition_epochs: 80 }).stages.map(({ transitionEpochs }) => transitionEpochs)).toEqual([0, 50, 75]);
  });
});
