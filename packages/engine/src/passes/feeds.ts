import { stream } from '@mdiff/diffusion';
import type { ParamLayout } from '@mdiff/model';
import type { StepBatch } from '../engine.js';
import type { Part } from '../parts.js';

// The arrays that a pass is fed, by the names of its inputs. This file imports no TensorFlow.js, so that part-worker.ts does not load it.

export type Kind = 'train' | 'eval';

export interface HostArray {
  type: 'float32' | 'int32';
  data: Float32Array | Int32Array;
  shape: readonly number[];
}

export type Feeds = Record<string, HostArray>;

/** Views of the flat weights, by parameter name. */
export const views = (layout: ParamLayout, flat: Float32Array): Feeds =>
  Object.fromEntries(
    layout.params.map(({ name, shape, offset, size }): [string, HostArray] => [
      name,
      { type: 'float32', data: flat.subarray(offset, offset + size), shape },
    ]),
  );

/** The batch as named arrays. */
export function feedsOf(batch: StepBatch): Feeds {
  const { B, S, rows } = batch;
  return {
    ids: { type: 'int32', data: batch.ids, shape: [B, S] },
    segments: { type: 'int32', data: batch.segments, shape: [B, S] },
    positions: { type: 'int32', data: batch.positions, shape: [B, S] },
    causal: { type: 'float32', data: Float32Array.of(batch.causal), shape: [] },
    rows: { type: 'int32', data: rows, shape: [rows.length] },
    targets: { type: 'int32', data: batch.targets, shape: [rows.length] },
    weights: { type: 'float32', data: batch.weights, shape: [rows.length] },
    // A zero fed at run time, so that constant folding cannot merge a recomputed block with the original. Read only with checkpointing.
    zero: { type: 'float32', data: new Float32Array(1), shape: [] },
  };
}

/** The dropout masks of a pass. They depend on its seed, step and number only, so every engine draws the same. */
export function maskFeeds({ dropout }: StepBatch, shapes: Record<string, readonly number[]>): Feeds {
  if (!dropout) return {};
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const rate = name.startsWith('attention') ? dropout.attention : dropout.rate;
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { type: 'float32', data: drawMask(size, rate, dropout.seed, dropout.step, dropout.pass, name), shape }];
    }),
  );
}

/**
 * Inverted dropout: 0 with probability p, else 1/(1−p). The distance from one zero to the next is geometric. Drawing distances takes a tenth of
 * the draws at p = 0.1, and is two to three times as fast as a draw for each number.
 */
export function drawMask(size: number, p: number, seed: number, ...keys: (string | number)[]): Float32Array {
  const mask = new Float32Array(size).fill(1 / (1 - p));
  if (p === 0) return mask;
  const rng = stream(seed, 'dropout', ...keys);
  const scale = 1 / Math.log1p(-p);
  for (let i = -1; ;) {
    i += 1 + Math.floor(Math.log1p(-rng.next()) * scale);
    if (i >= size) return mask;
    mask[i] = 0;
  }
}

/** The rows [from, to) of masks [B, …]. */
export const rowsOf = (masks: Feeds, { from, to }: Pick<Part, 'from' | 'to'>): Feeds =>
  Object.fromEntries(
    Object.entries(masks).map(
      ([
        name,
        {
          type,
          data,
          shape: [B, ...rest],
        },
      ]) => {
        const stride = data.length / B!;
        return [name, { type, data: data.subarray(from * stride, to * stride), shape: [to - from, ...rest] }];
      },
    ),
  );
