import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blendAt,
  curriculumConfig,
  dropoutAt,
  emaDecayAt,
  learningRate,
  ProjectConfig,
  projectConfig,
  scaleSteps,
  stageBlend,
  stageEpochs,
  stageOfStep,
  stageSteps,
  trainingConfig,
  warmupSteps,
  type TrainingInput,
} from '../index.js';

// Rates are products of a few doubles; 12 digits is far above their rounding and far below any difference that matters.
const digits = 12;

describe('steps (4.3, 4.4)', () => {
  const rows = [1056, 1088, 3200];

  it('epochs × ⌈rows / batch⌉, scaled by largest remainder', () => {
    expect(stageSteps(ProjectConfig.default(), rows)).toEqual([1650, 3400, 15000]);
    const scaled = (max_steps: number, on_max_steps: 'scale' | 'truncate' = 'scale') =>
      stageSteps(projectConfig({ training: { max_steps, on_max_steps } }), rows);
    expect(scaled(2000)).toEqual([165, 339, 1496]);
    expect(scaled(3)).toEqual([1, 1, 1]);
    expect(scaled(40100)).toEqual([3300, 6800, 30000]);
    expect(scaled(2000, 'truncate')).toEqual([1650, 350, 0]);
    expect(scaled(1, 'truncate')).toEqual([1, 0, 0]);
    expect(scaled(99999, 'truncate')).toEqual([1650, 3400, 15000]);
  });

  it('a worker more needs fewer steps', () => {
    expect(stageSteps(ProjectConfig.default(), rows, 2)).toEqual([50 * 17, 100 * 17, 150 * 50]);
  });

  it('max_epochs cuts from the end, and max_steps turns it off', () => {
    expect(stageEpochs(projectConfig({ training: { max_epochs: 120 } }))).toEqual([50, 70, 0]);
    expect(stageEpochs(projectConfig({ training: { max_epochs: 120, max_steps: 10 } }))).toEqual([50, 100, 150]);
  });

  it('scaling keeps the total and starves nobody', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 32 }),
        fc.integer({ min: 0, max: 1e6 }),
        (steps, more) => {
          const total = steps.length + more;
          const scaled = scaleSteps(steps, total);
          expect(scaled.reduce((a, b) => a + b, 0)).toBe(total);
          expect(Math.min(...scaled)).toBeGreaterThan(0);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
    expect(() => scaleSteps([1, 1, 1], 2)).toThrow(RangeError);
  });

  it('finds the stage of a step', () => {
    expect(stageOfStep([2, 0, 3], 1)).toEqual({ stage: 0, local: 1 });
    expect(stageOfStep([2, 0, 3], 2)).toEqual({ stage: 2, local: 0 });
    for (const step of [-1, 5, 0.5]) expect(() => stageOfStep([2, 0, 3], step)).toThrow(RangeError);
  });
});

describe('blend (4.6)', () => {
  const [first, second] = ProjectConfig.default().curriculum.stages;

  it('five epochs from [0.75, 0.9] to [0.4, 0.6]', () => {
    const ranges = [0, 1, 2, 3, 4, 5].map((epoch) => stageBlend(5, second!, first, epoch).range.map((end) => end.toFixed(4)));
    expect(ranges).toEqual([
      ['0.6917', '0.8500'],
      ['0.6333', '0.8000'],
      ['0.5750', '0.7500'],
      ['0.5167', '0.7000'],
      ['0.4583', '0.6500'],
      ['0.4000', '0.6000'],
    ]);
    expect(stageBlend(5, second!, first, 0).weight).toBeCloseTo(1 / 6, digits);
    expect(stageBlend(5, first!, undefined, 0)).toEqual({ epoch: 0, weight: 1, range: [0.75, 0.9] });
  });

  it('never takes more than half of a stage', () => {
    const short = { ...second!, epochs: 4 };
    expect([0, 1, 2].map((epoch) => stageBlend(5, short, first, epoch).weight)).toEqual([1 / 3, 2 / 3, 1]);
  });

  it('follows the epoch of the stages when steps are scaled', () => {
    const config = ProjectConfig.default();
    const plan = [10, 50, 30];
    expect(blendAt(config, plan, 9)).toMatchObject({ epoch: 45, weight: 1 });
    expect([10, 11, 12].map((step) => blendAt(config, plan, step).epoch)).toEqual([0, 2, 4]);
    expect(blendAt(config, plan, 13).weight).toBe(1);
  });
});

describe('learning rate (4.7)', () => {
  const one = (training: TrainingInput) => projectConfig({ training: { warmup_steps: 100, ...training } });
  const at = (training: TrainingInput, steps: number[]) => steps.map((step) => learningRate(one(training), [1000], step));
  const close = (got: number[], wanted: number[]) => got.forEach((rate, i) => expect(rate).toBeCloseTo(wanted[i]!, digits));

  it('the worked values, N = 1000, W = 100', () => {
    for (const scheduler of ['cosine', 'linear', 'cosine_with_restarts'] as const)
      close(at({ scheduler }, [0, 99, 549, 999]), [0.000002, 0.0002, 0.00011, 0.00002]);
    close(at({ scheduler: 'wsd', wsd_decay_fraction: 0.6 }, [0, 399, 699, 999]), [0.000002, 0.0002, 0.00011, 0.00002]);
    close(at({ scheduler: 'constant' }, [0, 99, 999]), [0.000002, 0.0002, 0.0002]);
    close(at({ scheduler: 'wsd', wsd_decay_fraction: 0 }, [999]), [0.0002]);
  });

  it('warm-up is at most a tenth of its stage', () => {
    expect([1650, 3400, 15000].map((steps) => warmupSteps(trainingConfig(), steps))).toEqual([165, 340, 1000]);
  });

  it('restarts begin again in each stage', () => {
    const config = one({ scheduler: 'cosine_with_restarts' });
    close(
      [0, 1000, 1999].map((step) => learningRate(config, [1000, 1000], step)),
      [0.000002, 0.000002, 0.00002],
    );
  });

  it('other schedules warm up once more after a reset, and only then', () => {
    const plain = projectConfig({ training: { warmup_steps: 100, scheduler: 'linear' }, curriculum: { reset_optimizer: false } });
    const reset = one({ scheduler: 'linear' });
    const plan = [1000, 1000];
    const [kept, again] = [learningRate(plain, plan, 1049), learningRate(reset, plan, 1049)];
    expect(again).toBeCloseTo(kept / 2, digits);
    expect(learningRate(reset, plan, 1100)).toBe(learningRate(plain, plan, 1100));
    expect(learningRate(reset, plan, 50)).toBe(learningRate(plain, plan, 50));
  });

  it('is positive up to the peak for any stages', () => {
    const schedulers = ['cosine', 'linear', 'constant', 'cosine_with_restarts', 'wsd'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...schedulers),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 1000 }),
        (scheduler, plan, warmup_steps) => {
          const config = projectConfig({ training: { scheduler, warmup_steps } });
          const total = plan.reduce((a, b) => a + b, 0);
          for (let step = 0; step < total; step += 1) {
            const rate = learningRate(config, plan, step);
            expect(rate > 0 && rate <= 0.0002 * (1 + 1e-12)).toBe(true);
          }
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });
});

describe('dropout and EMA (4.8)', () => {
  it('falls linearly to 0 over the run', () => {
    const config = projectConfig({ training: { dropout_schedule: 'decay' } });
    expect(dropoutAt(config, 500, 1001).dropout).toBeCloseTo(0.05, digits);
    expect(dropoutAt(config, 1000, 1001)).toEqual({ dropout: 0, attention_dropout: 0 });
    expect(dropoutAt(ProjectConfig.default(), 1000, 1001)).toEqual({ dropout: 0.1, attention_dropout: 0.1 });
  });

  it('starts small and ends at ema_decay', () => {
    const training = trainingConfig({ ema_decay: 0.999 });
    expect([emaDecayAt(training, 1), emaDecayAt(training, 10 ** 6)]).toEqual([2 / 11, 0.999]);
  });
});

it('a curriculum without stages cannot be made', () => {
  expect(() => curriculumConfig({ stages: [] })).toThrow('curriculum.stages: expected a list of 1 to 32, got a list of 0');
});
