import type { TrainingConfig } from '@mdiff/config';
import type { TrainingPlan } from '@mdiff/curriculum';
import { stageAt } from '@mdiff/curriculum';

// Learning rate and dropout as functions of the step (config specification 4.7, 4.8).

/** Warm-up steps of a stage: at most 10 % of it. */
export const warmupOf = (warmup: number, steps: number): number => Math.min(warmup, Math.floor(0.1 * steps));

type RateConfig = Pick<TrainingConfig, 'learning_rate' | 'min_learning_rate' | 'scheduler' | 'warmup_steps' | 'wsd_decay_fraction'>;

/** Rate at step `s` (0-based) of a horizon of `N` steps with `W` of warm-up. */
export function rateAt({ learning_rate: peak, min_learning_rate: low, scheduler, wsd_decay_fraction }: Omit<RateConfig, 'warmup_steps'>, s: number, N: number, W: number): number {
  if (s < W) return (peak * (s + 1)) / W;
  const p = (s - W + 1) / (N - W);
  switch (scheduler) {
    case 'constant':
      return peak;
    case 'linear':
      return peak - (peak - low) * p;
    case 'cosine':
    case 'cosine_with_restarts':
      return low + ((peak - low) * (1 + Math.cos(Math.PI * p))) / 2;
    case 'wsd': {
      const D = Math.min(Math.ceil(wsd_decay_fraction * N), N - W);
      return s < N - D ? peak : peak - ((peak - low) * (s - (N - D) + 1)) / D;
    }
  }
}

/** Learning rate of step `step` of the run: restarts have one horizon per stage, the others one per run with a re-warm-up after each reset. */
export function learningRate(training: RateConfig, resetOptimizer: boolean, plan: TrainingPlan, step: number): number {
  const { index, firstStep, steps } = stageAt(plan, step);
  const own = warmupOf(training.warmup_steps, steps);
  const j = step - firstStep;
  if (training.scheduler === 'cosine_with_restarts') return rateAt(training, j, steps, own);
  const rate = rateAt(training, step, plan.totalSteps, warmupOf(training.warmup_steps, plan.stages[0]!.steps));
  return index > 0 && resetOptimizer && j < own ? (rate * (j + 1)) / own : rate;
}

/** Share of the configured dropout that is left at `step`: 1, or falling linearly to 0 at the run's last step. */
export const dropoutShare = (schedule: TrainingConfig['dropout_schedule'], step: number, steps: number): number =>
  schedule === 'decay' && steps > 1 ? 1 - step / (steps - 1) : 1;
