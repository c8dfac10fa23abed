import { stream } from '@mdiff/diffusion';

import { assemble, type Batch } from './batch.js';
import { blendAt, stageAt, type TrainingPlan } from './plan.js';
import { packRows, type Row, type RowShape } from './row.js';
import type { Unit } from './unit.js';

export interface FeedOptions extends RowShape {
  plan: TrainingPlan;
  /** each stage's selection, in the order of the stages */
  unitsPerStage: readonly (readonly Unit[])[];
  seed: number;
  /** rows of one batch (`batch_size`) and batches of one step (`gradient_accumulation_steps`) */
  batchSize: number;
  accumulation: number;
}

/** The text of every step, in order. */
export interface Feed {
  /** rows of step `step`; the last step of an epoch may have fewer than the others */
  rowsAt(step: number): Row[];
  /** those rows as batches of `batchSize` rows each, at most `accumulation` of them, none empty */
  batchesAt(step: number): Batch[];
}

/**
 * What each step sees, as a pure function of (seed, step): nothing has to be saved to resume, and any worker can make any step. Every epoch is
 * packed and shuffled anew from `stream(seed, 'epoch', stage, epoch)`. While a stage blends in, each row comes from the stage before with
 * probability 1 − own.
 */
export function feed({ plan, unitsPerStage, seed, batchSize, accumulation, length, shiftHead }: FeedOptions): Feed {
  const shape = { length, shiftHead };
  // A cache of the latest epoch of each stage; what it holds follows from the arguments alone.
  const latest = new Map<number, { epoch: number; rows: Row[] }>();
  const epochRows = (stage: number, epoch: number): Row[] => {
    const known = latest.get(stage);
    if (known?.epoch === epoch) return known.rows;
    const { rows } = packRows(unitsPerStage[stage]!, shape, stream(seed, 'epoch', stage, epoch));
    latest.set(stage, { epoch, rows });
    return rows;
  };
  const rowsAt = (step: number): Row[] => {
    const { index, firstStep, stepsPerEpoch } = stageAt(plan, step);
    const pass = Math.floor((step - firstStep) / stepsPerEpoch);
    const at = ((step - firstStep) % stepsPerEpoch) * batchSize * accumulation;
    const rows = epochRows(index, pass).slice(at, at + batchSize * accumulation);
    const { own } = blendAt(plan, step);
    if (own === 1) return rows;
    const rng = stream(seed, 'blend', step);
    const before = epochRows(index - 1, -1 - index);
    return rows.map((row) => (rng.next() < own ? row : before[rng.int(before.length)]!));
  };
  return {
    rowsAt,
    batchesAt(step) {
      const rows = rowsAt(step);
      return Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, i) => assemble(rows.slice(i * batchSize, (i + 1) * batchSize), batchSize, shape));
    },
  };
}
