import { describe, expect, it } from 'vitest';
import type { StepBatch } from './engine.js';
import { partsFor, splitBatch } from './parts.js';

const S = 4;
const batch = (B: number, rows: number[]): StepBatch => ({
  B,
  S,
  ids: Int32Array.from({ length: B * S }, (_, i) => 10 + i),
  segments: new Int32Array(B * S).fill(1),
  positions: Int32Array.from({ length: B * S }, (_, i) => i % S),
  causal: 0,
  rows: Int32Array.from(rows),
  targets: Int32Array.from(rows, (row) => 100 + row),
  weights: Float32Array.from(rows, (row) => row / 64),
});

describe('splitBatch', () => {
  it('gives every row and every loss position to one part, with its place in the batch', () => {
    const whole = batch(5, [17, 3, 0, 9, 8]);
    const parts = splitBatch(whole, 2);
    expect(parts.map(({ from, to, batch: { B } }) => [from, to, B])).toEqual([
      [0, 2, 2],
      [2, 5, 3],
    ]);
    expect(parts.flatMap(({ batch }) => [...batch.ids])).toEqual([...whole.ids]);
    for (const { batch: own, from, order } of parts) {
      expect([...own.rows].map((row) => row + from * S)).toEqual([...order].map((i) => whole.rows[i]));
      expect([...own.targets]).toEqual([...order].map((i) => whole.targets[i]));
      expect([...own.weights]).toEqual([...order].map((i) => whole.weights[i]));
    }
    expect(parts.flatMap(({ order }) => [...order]).sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('adds parts of padding without loss positions to a batch with too few rows', () => {
    const [first, second] = splitBatch(batch(1, [2]), 2);
    const [padded, real] = first!.batch.rows.length === 0 ? [first!, second!] : [second!, first!];
    expect(padded).toMatchObject({
      from: 0,
      to: 1,
      batch: { B: 1, segments: new Int32Array(S), rows: new Int32Array(0), weights: new Float32Array(0) },
    });
    expect(real.batch).toEqual(batch(1, [2]));
  });

  it('into one part is the batch', () => {
    expect(splitBatch(batch(3, [11, 5]), 1)).toEqual([{ batch: batch(3, [11, 5]), from: 0, to: 3, order: Int32Array.of(0, 1) }]);
  });
});

it('has a part for each thread, up to four', () => {
  expect([1, 2, 4, 5, 64].map(partsFor)).toEqual([1, 2, 4, 1, 1]);
});
