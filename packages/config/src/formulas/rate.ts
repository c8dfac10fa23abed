import { mustBe } from '@mdiff/arguments';
import { stageOfStep } from './stages.js';
import type { CurriculumConfig, ModelConfig, TrainingConfig } from '../sections/types.js';

/** Warm-up of a stage: never more than a tenth of it. */
export const warmupSteps = (training: Pick<TrainingConfig, 'warmup_steps'>, steps: number): number => {
  mustBe('warmupSteps', 'training', training, 'object');
  mustBe('warmupSteps', 'steps', steps, 'number');
  return Math.min(training.warmup_steps, Math.floor(steps / 10));
};

/** Steps of the decay of wsd. The term keeps 0.07·100 = 7.000000000000001 from becoming 8 steps. */
const decaySteps = ({ wsd_decay_fraction }: TrainingConfig, N: number, W: number): number =>
  Math.min(Math.ceil(wsd_decay_fraction * N - 1e-9), N - W);

/** The 0-based step at which the decay of wsd begins; undefined for other schedules, and where the whole run or none of it decays. */
export function decayStart(training: TrainingConfig, steps: readonly number[]): number | undefined {
  mustBe('decayStart', 'training', training, 'object');
  mustBe('decayStart', 'steps', steps, 'list');
  if (training.scheduler !== 'wsd') return undefined;
  const total = steps.reduce((a, b) => a + b, 0);
  const first = total - decaySteps(training, total, warmupSteps(training, steps[0]!));
  return first > 0 && first < total ? first : undefined;
}

/** Rate at 0-based step `s` of a horizon of `N` steps with `W` of warm-up. */
export function horizonRate(training: TrainingConfig, s: number, N: number, W: number): number {
  mustBe('horizonRate', 'training', training, 'object');
  mustBe('horizonRate', 's', s, 'number');
  mustBe('horizonRate', 'N', N, 'number');
  mustBe('horizonRate', 'W', W, 'number');
  const { learning_rate: peak, min_learning_rate: low, scheduler } = training;
  if (s < W) return (peak * (s + 1)) / W;
  const p = (s - W + 1) / (N - W);
  if (scheduler === 'constant') return peak;
  if (scheduler === 'linear') return peak - (peak - low) * p;
  if (scheduler === 'wsd') {
    const D = decaySteps(training, N, W);
    return s < N - D ? peak : peak - ((peak - low) * (s - (N - D) + 1)) / D;
  }
  return low + ((peak - low) * (1 + Math.cos(Math.PI * p))) / 2;
}

/**
 * Learning rate of a 0-based step of the run. Restarts have one horizon per stage; other schedules one per run, and warm up again after each reset.
 * @param steps steps of each stage
 * @throws RangeError when no stage has the step
 */
export function learningRate(
  config: { training: TrainingConfig; curriculum: Pick<CurriculumConfig, 'reset_optimizer'> },
  steps: readonly number[],
  step: number,
): number {
  mustBe('learningRate', 'config', config, 'object');
  mustBe('learningRate', 'steps', steps, 'list');
  mustBe('learningRate', 'step', step, 'number');
  const { training, curriculum } = config;
  const { stage, local } = stageOfStep(steps, step);
  const warmup = warmupSteps(training, steps[stage]!);
  if (training.scheduler === 'cosine_with_restarts') return horizonRate(training, local, steps[stage]!, warmup);
  const total = steps.reduce((a, b) => a + b, 0);
  const rate = horizonRate(training, step, total, warmupSteps(training, steps[0]!));
  return stage > 0 && curriculum.reset_optimizer && local < warmup ? (rate * (local + 1)) / warmup : rate;
}

/** Both dropout rates at 0-based step `s` of a run of `N` steps. */
export function dropoutAt(
  config: { model: Pick<ModelConfig, 'dropout' | 'attention_dropout'>; training: Pick<TrainingConfig, 'dropout_schedule'> },
  s: number,
  N: number,
): { dropout: number; attention_dropout: number } {
  mustBe('dropoutAt', 'config', config, 'object');
  mustBe('dropoutAt', 's', s, 'number');
  mustBe('dropoutAt', 'N', N, 'number');
  const share = config.training.dropout_schedule === 'decay' && N > 1 ? 1 - s / (N - 1) : 1;
  return { dropout: config.model.dropout * share, attention_dropout: config.model.attention_dropout * share };
}

/** EMA decay after step number `s` = 1, 2, …: min(ema_decay, (1+s)/(10+s)), so that the initial weights do not linger in short runs. */
export const emaDecayAt = (training: Pick<TrainingConfig, 'ema_decay'>, s: number): number => {
  mustBe('emaDecayAt', 'training', training, 'object');
  mustBe('emaDecayAt', 's', s, 'number');
  return Math.min(training.ema_decay, (1 + s) / (10 + s));
};
