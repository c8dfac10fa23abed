import { blendAt, decayStart, dropoutAt, learningRate, stageOfStep, stageSteps } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { extended, feed } from '@mdiff/curriculum';
import type { Batch, Feed, StoredUnit } from '@mdiff/curriculum';
import type { Prepared } from '@mdiff/prepare';

/** The objective of a run's steps: all masked diffusion, first next-token prediction, both throughout, or all next-token prediction. */
export type ObjectiveKind = 'diffusion' | 'causal_first' | 'mixed' | 'causal';

/** The settings of one step. */
export interface StepInfo {
  stage: { index: number; name: string; first: number; steps: number };
  /** 0-based pass over the stage's text */
  epoch: number;
  /** masking rates, blended at the start of a later stage */
  range: readonly [number, number];
  lr: number;
  dropout: number;
  attentionDropout: number;
}

/** The curriculum's stages as pure functions of the step, so that a resumed run needs no saved position. */
export interface Stages {
  /** steps of all stages together */
  steps: number;
  list: readonly { name: string; steps: number }[];
  /** the step at which the decay of the learning rate begins, with the schedule wsd */
  decayStart: number | undefined;
  objective: ObjectiveKind;
  /** the step is next-token prediction */
  isCausal(step: number): boolean;
  infoAt(step: number): StepInfo;
  /** the step's batches, one per accumulation */
  batchesAt(step: number): Batch[];
  /** Adds units to the text of the last stage. Its steps stay as many; an epoch of it gets longer. */
  addUnits(units: readonly StoredUnit[]): void;
}

/** The stages of a configuration on a prepared text. `ranks`: those that the run began with, whose batches make a step. */
export function stagesOf(
  config: ProjectConfig,
  { unitsPerStage, rowsPerStage }: Pick<Prepared, 'unitsPerStage' | 'rowsPerStage'>,
  ranks = 1,
): Stages {
  const { curriculum, training, model, seed } = config;
  const steps = stageSteps(config, rowsPerStage, ranks);
  const total = steps.reduce((sum, count) => sum + count, 0);
  const textOf = (units: typeof unitsPerStage): Feed =>
    feed({
      steps,
      ownShare: (step) => blendAt(config, steps, step).weight,
      unitsPerStage: units,
      seed,
      batchSize: training.batch_size,
      accumulation: training.gradient_accumulation_steps * ranks,
      length: model.max_seq_len,
      shiftHead: model.shift_head,
    });
  let text = textOf(unitsPerStage);
  return {
    steps: total,
    list: curriculum.stages.map(({ name }, i) => ({ name, steps: steps[i]! })),
    decayStart: decayStart(training, steps),
    ...causalSteps(training, total),
    infoAt: (step) => {
      const { stage, local } = stageOfStep(steps, step);
      const rates = dropoutAt(config, step, total);
      return {
        stage: { index: stage, name: curriculum.stages[stage]!.name, first: step - local, steps: steps[stage]! },
        epoch: text.epochAt(step),
        range: blendAt(config, steps, step).range,
        lr: learningRate(config, steps, step),
        dropout: rates.dropout,
        attentionDropout: rates.attention_dropout,
      };
    },
    batchesAt: (step) => text.batchesAt(step),
    addUnits: (units) => {
      text = textOf([...unitsPerStage.slice(0, -1), extended(unitsPerStage.at(-1)!, units)]);
    },
  };
}

/** The steps that are next-token prediction: the first ones, or spread evenly (the term keeps 0.1·10 from falling below 1). */
function causalSteps(
  { causal_fraction: share, causal_order }: ProjectConfig['training'],
  total: number,
): Pick<Stages, 'objective' | 'isCausal'> {
  if (share === 0) return { objective: 'diffusion', isCausal: () => false };
  if (share === 1) return { objective: 'causal', isCausal: () => true };
  if (causal_order === 'first') {
    const first = Math.round(share * total);
    return { objective: 'causal_first', isCausal: (step) => step < first };
  }
  const before = (step: number): number => Math.floor(step * share + 1e-9);
  return { objective: 'mixed', isCausal: (step) => before(step + 1) > before(step) };
}

/** True if the last evaluation measures next-token prediction, which was trained to the end. */
export const evaluatesCausal = ({ objective }: Pick<Stages, 'objective'>): boolean => objective === 'mixed' || objective === 'causal';

/** Steps done at the end of each stage. */
export function stageEnds({ list }: Pick<Stages, 'list'>): number[] {
  let done = 0;
  return list.map(({ steps }) => (done += steps));
}
