import { mustBe } from '@mdiff/arguments';
import { effectiveBatchSize } from './derived.js';
import type { CurriculumConfig, StageConfig, TrainingConfig } from '../sections/types.js';

// Stages, steps and blends as plain numbers. `steps` is the number of steps of each stage, as `stageSteps` gives it.

type Stages = { curriculum: Pick<CurriculumConfig, 'stages'>; training: TrainingConfig };

/** Epochs each stage runs: `max_epochs` cuts from the end, unless `max_steps` rules. */
export function stageEpochs(options: Stages): number[] {
  mustBe('stageEpochs', 'options', options, 'object');
  const { curriculum, training } = options;
  let left = training.max_steps === null && training.max_minutes === null ? training.max_epochs : Infinity;
  return curriculum.stages.map(({ epochs }) => {
    const runs = Math.min(epochs, left);
    left -= runs;
    return runs;
  });
}

/**
 * `total` steps shared in proportion to `steps`: floors of the quotas, then one more to the largest fractions, ties to the earlier stage;
 * a stage left with none takes one from the longest.
 * @throws RangeError with fewer steps than stages, or when no stage has steps
 */
export function scaleSteps(steps: readonly number[], total: number): number[] {
  mustBe('scaleSteps', 'steps', steps, 'list');
  mustBe('scaleSteps', 'total', total, 'number');
  const sum = steps.reduce((a, b) => a + b, 0);
  if (!(Number.isInteger(total) && total >= steps.length && sum > 0))
    throw new RangeError(`total: expected an integer >= ${steps.length} (one step per stage), got ${total}`);
  // Whole numbers throughout: a quota is total·Sᵢ / ΣS, and fractions compare by their remainders.
  const shares = steps.map((count) => BigInt(total) * BigInt(count));
  const scaled = shares.map((share) => Number(share / BigInt(sum)));
  const fraction = (i: number): bigint => shares[i]! % BigInt(sum);
  const order = steps.map((_, i) => i).sort((a, b) => (fraction(a) === fraction(b) ? a - b : fraction(a) > fraction(b) ? -1 : 1));
  const left = total - scaled.reduce((a, b) => a + b, 0);
  for (const i of order.slice(0, left)) scaled[i]! += 1;
  for (let i = scaled.indexOf(0); i >= 0; i = scaled.indexOf(0)) {
    scaled[scaled.indexOf(Math.max(...scaled))]! -= 1;
    scaled[i] = 1;
  }
  return scaled;
}

/**
 * Steps of each stage: epochs × ⌈rows / effective batch⌉, then brought to `max_steps` by scaling or truncating.
 * @param rows packed rows of each stage's selection
 */
export function stageSteps(config: Stages, rows: readonly number[], worldSize = 1): number[] {
  mustBe('stageSteps', 'config', config, 'object');
  mustBe('stageSteps', 'rows', rows, 'list');
  mustBe('stageSteps', 'worldSize', worldSize, 'number');
  const { max_steps, on_max_steps } = config.training;
  const batch = effectiveBatchSize(config.training, worldSize);
  const steps = stageEpochs(config).map((epochs, i) => epochs * Math.ceil(rows[i]! / batch));
  if (max_steps === null) return steps;
  if (on_max_steps === 'scale') return scaleSteps(steps, max_steps);
  let left = max_steps;
  return steps.map((count) => {
    const runs = Math.min(count, left);
    left -= runs;
    return runs;
  });
}

/** Stage of a 0-based step of the run, and its step within it. @throws RangeError when no stage has the step */
export function stageOfStep(steps: readonly number[], step: number): { stage: number; local: number } {
  mustBe('stageOfStep', 'steps', steps, 'list');
  mustBe('stageOfStep', 'step', step, 'number');
  let first = 0;
  if (Number.isInteger(step) && step >= 0) {
    for (const [stage, count] of steps.entries()) {
      if (step < first + count) return { stage, local: step - first };
      first += count;
    }
  }
  throw new RangeError(`step: expected an integer >= 0 and < ${steps.reduce((a, b) => a + b, 0)}, got ${step}`);
}

/** How a step mixes its stage with the one before. */
export interface StageBlend {
  /** 0-based epoch of the stage. */
  epoch: number;
  /** Weight of the stage itself: the chance that a row is its own, and its share of the range. */
  weight: number;
  range: readonly [number, number];
}

/** Blend at epoch `k` of a stage: w = (k+1)/(K+1) while k < K = min(transition_epochs, ⌊epochs/2⌋), else 1. */
export function stageBlend(transitionEpochs: number, stage: StageConfig, previous: StageConfig | undefined, epoch: number): StageBlend {
  mustBe('stageBlend', 'transitionEpochs', transitionEpochs, 'number');
  mustBe('stageBlend', 'stage', stage, 'object');
  mustBe('stageBlend', 'epoch', epoch, 'number');
  const over = previous === undefined ? 0 : Math.min(transitionEpochs, Math.floor(stage.epochs / 2));
  const [low, high] = stage.masking_rate_range;
  if (previous === undefined || epoch >= over) return { epoch, weight: 1, range: [low, high] };
  const weight = (epoch + 1) / (over + 1);
  const [before, beyond] = previous.masking_rate_range;
  return { epoch, weight, range: [(1 - weight) * before + weight * low, (1 - weight) * beyond + weight * high] };
}

/** Blend at a 0-based step of the run; epoch k = ⌊step in stage × epochs / steps of stage⌋. */
export function blendAt(
  config: { curriculum: Pick<CurriculumConfig, 'stages' | 'transition_epochs'>; training: TrainingConfig },
  steps: readonly number[],
  step: number,
): StageBlend {
  mustBe('blendAt', 'config', config, 'object');
  mustBe('blendAt', 'steps', steps, 'list');
  mustBe('blendAt', 'step', step, 'number');
  const { stage, local } = stageOfStep(steps, step);
  const epochs = stageEpochs(config);
  const current = { ...config.curriculum.stages[stage]!, epochs: epochs[stage]! };
  return stageBlend(
    config.curriculum.transition_epochs,
    current,
    config.curriculum.stages[stage - 1],
    Math.floor((local * current.epochs) / steps[stage]!),
  );
}
