import type { CurriculumConfig, StageConfig, TrainingConfig } from '@mdiff/config';

import { CurriculumError } from './error.js';

/** One stage of the plan. Steps are optimiser updates. */
export interface StagePlan {
  index: number;
  stage: StageConfig;
  /** epochs left after `max_epochs` */
  epochs: number;
  /** updates in one pass over the stage's rows */
  stepsPerEpoch: number;
  /** epochs × stepsPerEpoch: the steps of the plan before `max_steps` */
  plannedSteps: number;
  /** updates it gets */
  steps: number;
  /** first step of the run that belongs to it */
  firstStep: number;
  /** epochs of blend with the stage before, K = min(transition_epochs, ⌊epochs/2⌋); 0 in the first stage */
  transitionEpochs: number;
}

export interface TrainingPlan {
  stages: StagePlan[];
  totalSteps: number;
}

export interface PlanOptions {
  curriculum: Pick<CurriculumConfig, 'stages' | 'transition_epochs'>;
  training: Pick<TrainingConfig, 'batch_size' | 'gradient_accumulation_steps' | 'max_epochs' | 'max_steps' | 'on_max_steps'>;
  /** packed rows of each stage's selection, in the order of the stages */
  rowsPerStage: readonly number[];
}

/**
 * Steps of every stage (config specification 4.3, 4.4): epochs × ⌈rows / effective batch⌉, cut from the end by `max_epochs`, or brought to exactly
 * `max_steps` by scaling (largest remainder) or truncating.
 * @throws CurriculumError when a stage has no rows, or fewer steps than stages are asked for
 */
export function planStages({ curriculum, training, rowsPerStage }: PlanOptions): TrainingPlan {
  const { stages } = curriculum;
  const empty = rowsPerStage.findIndex((rows) => rows === 0);
  if (empty >= 0) throw new CurriculumError(`curriculum.stages[${empty}]: expected text in the "${stages[empty]!.data_selection}" band of "${stages[empty]!.name}", got no units; use a longer text or data_selection "all"`);
  const batch = training.batch_size * training.gradient_accumulation_steps;
  let left = training.max_steps === null ? training.max_epochs : Infinity;
  const epochs = stages.map((stage) => {
    const run = Math.min(stage.epochs, left);
    left -= run;
    return run;
  });
  const perEpoch = rowsPerStage.map((rows) => Math.ceil(rows / batch));
  const planned = epochs.map((count, i) => count * perEpoch[i]!);
  const steps = training.max_steps === null ? planned : training.on_max_steps === 'scale' ? scale(planned, training.max_steps) : truncate(planned, training.max_steps);
  let firstStep = 0;
  return {
    stages: stages.map((stage, index) => {
      const first = firstStep;
      firstStep += steps[index]!;
      return {
        index,
        stage,
        epochs: epochs[index]!,
        stepsPerEpoch: perEpoch[index]!,
        plannedSteps: planned[index]!,
        steps: steps[index]!,
        firstStep: first,
        transitionEpochs: index === 0 ? 0 : Math.min(curriculum.transition_epochs, Math.floor(epochs[index]! / 2)),
      };
    }),
    totalSteps: firstStep,
  };
}

/** `max` steps shared in proportion to `planned`; remainders to the largest fractions, ties to the earlier stage, and at least one step each. */
export function scale(planned: readonly number[], max: number): number[] {
  if (max < planned.length) throw new CurriculumError(`training.max_steps: expected an integer >= ${planned.length} (one step per stage) for on_max_steps "scale", got ${max}`);
  const total = planned.reduce((sum, steps) => sum + steps, 0);
  // Exact integers: a quota is (max · steps) / total, and fractions are compared by their remainders.
  const share = planned.map((steps) => BigInt(max) * BigInt(steps));
  const steps = share.map((quota) => Number(quota / BigInt(total)));
  const byFraction = planned.map((_, i) => i).sort((a, b) => Number(share[b]! % BigInt(total) - (share[a]! % BigInt(total))) || a - b);
  const rest = max - steps.reduce((sum, count) => sum + count, 0);
  for (const i of byFraction.slice(0, rest)) steps[i]!++;
  for (let i = 0; i < steps.length; i++) {
    if (steps[i]! > 0) continue;
    steps[steps.indexOf(Math.max(...steps))]!--;
    steps[i] = 1;
  }
  return steps;
}

/** The first `max` steps of the plan. */
export function truncate(planned: readonly number[], max: number): number[] {
  let left = max;
  return planned.map((steps) => {
    const run = Math.min(steps, left);
    left -= run;
    return run;
  });
}

export interface Blend {
  /** 0-based epoch of the stage's plan */
  epoch: number;
  /** weight of the stage's own range and data; the rest is the stage before */
  own: number;
  /** masking rates, blended: [min, max] */
  range: [min: number, max: number];
}

/** Which stage step `step` of the run belongs to. @throws RangeError outside the plan */
export function stageAt(plan: TrainingPlan, step: number): StagePlan {
  const found = plan.stages.find(({ firstStep, steps }) => step >= firstStep && step < firstStep + steps);
  if (!found) throw new RangeError(`expected a step from 0 to ${plan.totalSteps - 1}, got ${step}`);
  return found;
}

/** Epoch, blend and masking rates of step `step` of the run (config specification 4.6). */
export function blendAt(plan: TrainingPlan, step: number): Blend {
  const current = stageAt(plan, step);
  const epoch = Math.floor(((step - current.firstStep) * current.epochs) / current.steps);
  const [min, max] = current.stage.masking_rate_range;
  if (epoch >= current.transitionEpochs) return { epoch, own: 1, range: [min, max] };
  const own = (epoch + 1) / (current.transitionEpochs + 1);
  const [low, high] = plan.stages[current.index - 1]!.stage.masking_rate_range;
  return { epoch, own, range: [(1 - own) * low + own * min, (1 - own) * high + own * max] };
}
