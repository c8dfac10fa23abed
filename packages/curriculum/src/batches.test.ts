import { SPECIAL } from '@mdiff/text';
import { describe, expect, it } from 'vitest';

import { assemble } from './batches.js';
import { CurriculumError } from './error.js';
import { unitsOf } from './fixture.test.util.js';

const [a, b, c] = unitsOf([3, 1, 2]) as [ReturnType<typeof unitsOf>[0], ReturnType<typeof unitsOf>[0], ReturnType<typeof unitsOf>[0]];
const { pad, bos, eos } = SPECIAL;

describe('assemble', () => {
  it('lays out slots [BOS] y with a shifted head', () => {
    const batch = assemble([[a, b], [c]], 3, { length: 10, shiftHead: true });
    expect([...batch.ids]).toEqual([
      ...[bos, 10, 10, 10, eos, bos, 11, eos, pad, pad],
      ...[bos, 12, 12, eos, pad, pad, pad, pad, pad, pad],
      ...new Array<number>(10).fill(pad),
    ]);
    expect([...batch.segments]).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, ...new Array<number>(10).fill(0)]);
    expect([...batch.positions.subarray(0, 10)]).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 0, 0]);
    expect(batch.units).toEqual([
      { unit: 0, row: 0, start: 0, maskableStart: 1, length: 4 },
      { unit: 1, row: 0, start: 5, maskableStart: 6, length: 2 },
      { unit: 2, row: 1, start: 0, maskableStart: 1, length: 3 },
    ]);
    expect(batch).toMatchObject({ B: 3, S: 10, tokens: 12 });
  });

  it('lays out slots y without', () => {
    const batch = assemble([[a, b]], 1, { length: 7, shiftHead: false });
    expect([...batch.ids]).toEqual([10, 10, 10, eos, 11, eos, pad]);
    expect(batch.units).toEqual([
      { unit: 0, row: 0, start: 0, maskableStart: 0, length: 4 },
      { unit: 1, row: 0, start: 4, maskableStart: 4, length: 2 },
    ]);
    expect(batch.tokens).toBe(6);
  });

  it('refuses too many rows and rows that are too full', () => {
    expect(() => assemble([[a], [b]], 1, { length: 10, shiftHead: true })).toThrow(CurriculumError);
    expect(() => assemble([[a, b]], 1, { length: 7, shiftHead: true })).toThrow(/at most 7 positions, got 8/);
  });
});
