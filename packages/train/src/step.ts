import { emaDecayAt } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import type { Batch } from '@mdiff/curriculum';
import type { StepBatch, Update } from '@mdiff/engine';
import { causalStep, maskedStep } from './objective.js';
import type { MaskedObjective } from './objective.js';
import type { Stages } from './stages.js';

/** The input of one optimiser step. */
export interface StepInput {
  batches: StepBatch[];
  /** without padding; those of a batch that comes twice count twice */
  tokens: number;
}

/** The text of a step before it is masked, and how to mask it: all that a worker thread needs. */
export interface CleanStep {
  batches: Batch[];
  /** absent for next-token prediction */
  objective?: MaskedObjective;
}

/** The text of a step: a function of the seed and the step. */
export function cleanStep({ seed, curriculum, training, model }: ProjectConfig, stages: Stages, step: number): CleanStep {
  const batches = stages.batchesAt(step);
  if (stages.isCausal(step)) return { batches };
  const { range } = stages.infoAt(step);
  const { time_sampling, mask_sampling, loss_weighting, complementary_masks } = training;
  const fullRangeFraction = curriculum.full_range_fraction;
  return {
    batches,
    objective: {
      seed,
      step,
      range,
      fullRangeFraction,
      training: { time_sampling, mask_sampling, loss_weighting, complementary_masks },
      shiftHead: model.shift_head,
    },
  };
}

/** Its batches with their targets. */
export const targetsOf = ({ batches, objective }: CleanStep): StepBatch[] =>
  objective ? maskedStep(batches, objective) : causalStep(batches);

/** The input of a step, once its targets are known: with the names of its dropout masks. */
export function inputOf({ seed }: ProjectConfig, stages: Stages, step: number, clean: CleanStep, batches: readonly StepBatch[]): StepInput {
  const { dropout, attentionDropout } = stages.infoAt(step);
  const drops = dropout > 0 || attentionDropout > 0;
  return {
    batches: batches.map((batch, pass) => ({
      ...batch,
      ...(drops && { dropout: { seed, step, pass, rate: dropout, attention: attentionDropout } }),
    })),
    tokens: (clean.batches.reduce((sum, { tokens }) => sum + tokens, 0) * batches.length) / clean.batches.length,
  };
}

/** The batches of a step with their targets and the names of their dropout masks: a function of the seed and the step. */
export function prepareStep(config: ProjectConfig, stages: Stages, step: number): StepInput {
  const clean = cleanStep(config, stages, step);
  return inputOf(config, stages, step, clean, targetsOf(clean));
}

/** The optimiser's settings for `step`; `adamStep` updates were done since the moments were last zero. */
export function updateAt({ training }: ProjectConfig, stages: Stages, step: number, adamStep: number): Update {
  return {
    lr: stages.infoAt(step).lr,
    step: adamStep + 1,
    beta1: training.beta1,
    beta2: training.beta2,
    eps: training.eps,
    weightDecay: training.weight_decay,
    clip: training.max_grad_norm,
    ema: emaDecayAt(training, step + 1),
    at: step,
  };
}
