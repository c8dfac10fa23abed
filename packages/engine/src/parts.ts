import { RESERVED } from '@mdiff/folder';
import type { StepBatch } from './engine.js';

// Data-parallel parts of a batch, one for each thread. Threads that share an operation wait for each other at its end, hundreds of times a
// step. Parts wait once, when their gradients are added (docs/decisions/parts.md).

/** With more threads there is one part, and all threads share every operation: each part costs a gradient, and only two were measured. */
const MOST_PARTS = 4;

/** The number of parts for a number of threads. */
export const partsFor = (threads: number): number => (threads <= MOST_PARTS ? threads : 1);

export interface Part {
  batch: StepBatch;
  /** its rows are [from, to) of the whole batch; in a batch with too few rows, a part of padding names the last row again */
  from: number;
  to: number;
  /** indices of its loss positions among those of the whole batch */
  order: Int32Array;
}

/** The token [PAD]. */
const PAD = RESERVED.pad;

/** Cuts a batch into parts of whole rows. A batch with fewer rows than parts gets parts of padding, which have no loss positions. */
export function splitBatch(batch: StepBatch, parts: number): Part[] {
  const { B, S } = batch;
  return Array.from({ length: parts }, (_, part): Part => {
    const [from, to] = [Math.floor((part * B) / parts), Math.floor(((part + 1) * B) / parts)];
    if (to === from)
      return {
        batch: { ...batch, B: 1, ...padding(S), rows: new Int32Array(0), targets: new Int32Array(0), weights: new Float32Array(0) },
        from: B - 1,
        to: B,
        order: new Int32Array(0),
      };
    const order = Int32Array.from(batch.rows.keys()).filter((i) => batch.rows[i]! >= from * S && batch.rows[i]! < to * S);
    const cut = (array: Int32Array): Int32Array => array.subarray(from * S, to * S);
    return {
      batch: {
        ...batch,
        B: to - from,
        ids: cut(batch.ids),
        segments: cut(batch.segments),
        positions: cut(batch.positions),
        rows: order.map((i) => batch.rows[i]! - from * S),
        targets: order.map((i) => batch.targets[i]!),
        weights: Float32Array.from(order, (i) => batch.weights[i]!),
      },
      from,
      to,
      order,
    };
  });
}

const padding = (S: number): Pick<StepBatch, 'ids' | 'segments' | 'positions'> => ({
  ids: new Int32Array(S).fill(PAD),
  segments: new Int32Array(S),
  positions: new Int32Array(S),
});

/** The results of the parts at their loss positions (filler may follow), in the order of the whole batch. */
export function inOrder(split: readonly Part[], results: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(split.reduce((sum, { order }) => sum + order.length, 0));
  split.forEach(({ order }, part) => order.forEach((index, i) => (whole[index] = results[part]![i]!)));
  return whole;
}
