import type { StepBatch } from '../engine.js';

// oneDNN generates code for every size of a matrix product, and the number of loss positions differs in almost every step. So that few sizes
// occur, native TensorFlow gets filler: loss positions of weight 0 up to the next multiple.

/** The multiple is the number of the batch's positions divided by this. */
const STEPS = 32;

/** The number of loss positions that a batch is filled up to. */
function filledSize(lossPositions: number, positions: number): number {
  const unit = Math.max(8, Math.ceil(positions / STEPS));
  return Math.ceil(lossPositions / unit) * unit;
}

/** The batch with filler: position 0, any target, weight 0. */
export function withFiller(batch: StepBatch): StepBatch {
  const size = filledSize(batch.rows.length, batch.B * batch.S);
  if (size === batch.rows.length) return batch;
  const grown = <T extends Int32Array | Float32Array>(array: T, filler: number): T => {
    const out = new (array.constructor as new (length: number) => T)(size).fill(filler) as T;
    out.set(array);
    return out;
  };
  return { ...batch, rows: grown(batch.rows, 0), targets: grown(batch.targets, batch.targets[0] ?? 1), weights: grown(batch.weights, 0) };
}
