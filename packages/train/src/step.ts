import { emaDecayAt } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import type { StepBatch, Update } from '@mdiff/engine';
import { causalStep, maskedStep } from './objective.js';
import type { Stages } from './stages.js';

/** The input of one optimiser step. */
export interface StepInput {
  batches: StepBatch[];
  /** without padding */
  tokens: number;
}

/** The batches of a step with their targets and the names of their dropout masks: a function of the seed and the step. */
export function prepareStep({ seed, curriculum, training, model }: ProjectConfig, stages: Stages, step: number): StepInput {
  const { range, dropout, attentionDropout } = stages.infoAt(step);
  const clean = stages.batchesAt(step);
  const batches = stages.isCausal(step)
    ? causalStep(clean)
    : maskedStep(clean, { seed, step, range, fullRangeFraction: curriculum.full_range_fraction, training, shiftHead: model.shift_head });
  const drops = dropout > 0 || attentionDropout > 0;
  return {
    batches: batches.map((batch, pass) => ({
      ...batch,
      ...(drops && { dropout: { seed, step, pass, rate: dropout, attention: attentionDropout } }),
    })),
    tokens: clean.reduce((sum, { tokens }) => sum + tokens, 0),
  };
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
  };
}
