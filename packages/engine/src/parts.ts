import { RESERVED } from '@mdiff/folder';
import type { StepBatch } from './engine.js';

// One thread per part of a batch instead of several per operation: threads that share an operation wait for each other at the end of
// each, hundreds of times a step, and for whoever else has their core; parts meet once, where their gradients are added (docs/log/2026-11-28-batch-in-parts.md).

/** More threads than this work together on every operation: each part costs a gradient, and only two were measured. */
const MOST = 4;

/** Parts of a batch that are computed side by side on so many threads. */
export const partsFor = (threads: number): number => (threads <= MOST ? threads : 1);

export interface Part {
  batch: StepBatch;
  /** its rows are [from, to) of the whole batch; the filler of a batch with too few rows repeats the last of them */
  from: number;
  to: number;
  /** where its evaluated rows stand among those of the whole */
  order: Int32Array;
}

/** Token and segment of a position that nothing attends to. */
const PAD = RESERVED.pad;

/** Cuts a batch into parts of whole rows. A batch of fewer rows than parts gets parts of padding, which evaluate nothing. */
export function splitBatch(batch: StepBatch, parts: number): Part[] {
  const { B, S } = batch;
  return Array.from({ length: parts }, (_, part): Part => {
    const [from, to] = [Math.floor((part * B) / parts), Math.floor(((part + 1) * B) / parts)];
    if (to === from) return { batch: { ...batch, B: 1, ...padding(S), rows: new Int32Array(0), targets: new Int32Array(0), weights: new Float32Array(0) }, from: B - 1, to: B, order: new Int32Array(0) };
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

const padding = (S: number): Pick<StepBatch, 'ids' | 'segments' | 'positions'> => ({ ids: new Int32Array(S).fill(PAD), segments: new Int32Array(S), positions: new Int32Array(S) });

/** What every part has for its evaluated rows (and perhaps for filler after them), in the order of the whole batch. */
export function inOrder(cut: readonly Part[], found: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(cut.reduce((sum, { order }) => sum + order.length, 0));
  cut.forEach(({ order }, part) => order.forEach((at, i) => (whole[at] = found[part]![i]!)));
  return whole;
}
