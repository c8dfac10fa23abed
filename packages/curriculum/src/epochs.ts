import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';

import { assemble, type Batch } from './batches.js';
import { packLengths, type PackedRows, type Row, type RowShape } from './rows.js';
import type { StoredUnit, UnitStore } from './store.js';

export interface FeedOptions extends RowShape {
  /** steps of each stage (`stageSteps` of @mdiff/config) */
  steps: readonly number[];
  /** share of a step's rows that come from its own stage; the others come from the stage before (`blendAt` of @mdiff/config) */
  ownShare: (step: number) => number;
  /** each stage's selection, in the order of the stages */
  unitsPerStage: readonly UnitStore[];
  seed: number;
  /** rows of one batch (`batch_size`) and batches of one step (`gradient_accumulation_steps`) */
  batchSize: number;
  accumulation: number;
}

/** The text of every step, in order. */
export interface Feed {
  /** 0-based pass over its stage's text that a step belongs to */
  epochAt(step: number): number;
  /** rows of step `step`; the last step of an epoch may have fewer than the others */
  rowsAt(step: number): Row<StoredUnit>[];
  /** those rows as batches of `batchSize` rows each, at most `accumulation` of them, none empty */
  batchesAt(step: number): Batch[];
}

/**
 * The text of each step, as a pure function of (seed, step): nothing has to be saved to resume, and any worker can make any step. Every epoch is
 * packed and shuffled anew from `stream(seed, 'epoch', stage, epoch)`. While a stage blends in, each row comes from the stage before with
 * probability 1 − ownShare(step). Only places of units are kept; the units of a step are read from their store.
 */
export function feed(options: FeedOptions): Feed {
  mustBe('feed', 'options', options, 'object');
  const { steps, ownShare, unitsPerStage, seed, batchSize, accumulation, length, shiftHead } = options;
  const shape = { length, shiftHead };
  // A cache of the latest epoch of each stage; its contents follow from the arguments alone.
  const latest = new Map<number, { epoch: number; rows: PackedRows }>();
  const epochRows = (stage: number, epoch: number): PackedRows => {
    const cached = latest.get(stage);
    if (cached?.epoch === epoch) return cached.rows;
    const rows = packLengths(unitsPerStage[stage]!.lengths, shape, stream(seed, 'epoch', stage, epoch));
    latest.set(stage, { epoch, rows });
    return rows;
  };
  const perStep = batchSize * accumulation;
  const rowsOfStage = unitsPerStage.map(({ lengths }) => packLengths(lengths, shape).rows);
  const place = (step: number) => {
    let first = 0;
    for (const [index, count] of steps.entries()) {
      const local = step - first;
      // Packing fixes the number of rows, so every epoch of a stage has as many steps as its first.
      const stepsPerEpoch = Math.ceil(rowsOfStage[index]! / perStep);
      if (local >= 0 && local < count) return { index, epoch: Math.floor(local / stepsPerEpoch), row: (local % stepsPerEpoch) * perStep };
      first += count;
    }
    throw new RangeError(`expected a step from 0 to ${first - 1}, got ${step}`);
  };
  const rowOf = (stage: number, { start, members }: PackedRows, row: number): Row<StoredUnit> =>
    Array.from(members.subarray(start[row], start[row + 1]), (unit) => unitsPerStage[stage]!.unit(unit));
  const rowsAt = (step: number): Row<StoredUnit>[] => {
    const { index, epoch, row: start } = place(step);
    const own = epochRows(index, epoch);
    const share = ownShare(step);
    const count = Math.min(perStep, own.rows - start);
    if (share === 1) return Array.from({ length: count }, (_, i) => rowOf(index, own, start + i));
    const rng = stream(seed, 'blend', step);
    const before = epochRows(index - 1, -1 - index);
    return Array.from({ length: count }, (_, i) =>
      rng.next() < share ? rowOf(index, own, start + i) : rowOf(index - 1, before, rng.int(before.rows)),
    );
  };
  return {
    epochAt: (step) => place(step).epoch,
    rowsAt,
    batchesAt(step) {
      const rows = rowsAt(step);
      return Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, i) =>
        assemble(rows.slice(i * batchSize, (i + 1) * batchSize), batchSize, shape),
      );
    },
  };
}
