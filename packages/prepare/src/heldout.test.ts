import type { Unit } from '@mdiff/curriculum';
import { expect, it } from 'vitest';
import { maskable, packHeldOut, sampleNote, sampleUnits } from './heldout.js';

const lengths = Array.from({ length: 200 }, (_, i) => 1 + (i % 7));
const most = 100;
const tokens = (picked: readonly number[]): number => picked.reduce((sum, i) => sum + lengths[i]! + 1, 0);

it('takes every unit while they fit', () => {
  expect(sampleUnits(lengths, { seed: 1, most: 1000 })).toEqual([...lengths.keys()]);
  expect(sampleUnits([], { seed: 1, most })).toEqual([]);
});

it('takes a sample that fits, in order, the same for a seed and another for another', () => {
  const sample = sampleUnits(lengths, { seed: 1, most });
  expect(tokens(sample)).toBeLessThanOrEqual(most);
  expect(tokens(sample)).toBeGreaterThan(most - 8);
  expect(sample).toEqual([...sample].sort((a, b) => a - b));
  expect(sampleUnits(lengths, { seed: 1, most })).toEqual(sample);
  expect(sampleUnits(lengths, { seed: 2, most })).not.toEqual(sample);
});

it('takes one unit where none fits', () => {
  expect(sampleUnits(lengths, { seed: 1, most: 1 })).toHaveLength(1);
});

it('says how many tokens it evaluates', () => {
  const units = lengths.map((length, id): Unit => ({
    id,
    tokens: new Int32Array(length).fill(9),
    bytes: length,
    section: 0,
    kind: 'prose',
  }));
  const sample = sampleUnits(lengths, { seed: 1, most }).map((i) => units[i]!);
  const options = {
    documents: 3,
    shape: { length: 16, shiftHead: true },
    batchSize: 4,
    of: maskable(units),
    format: 'paragraphs' as const,
  };
  const heldOut = packHeldOut(sample, options)!;
  expect(heldOut.tokens).toBe(maskable(sample));
  expect(sampleNote(heldOut)).toBe(
    `evaluations read a sample of ${maskable(sample)} of ${maskable(units)} held-out tokens (training.eval_max_tokens)`,
  );
  expect(sampleNote(packHeldOut(units, options)!)).toBeUndefined();
});
