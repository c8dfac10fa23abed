import { expect, it } from 'vitest';
import { turns } from './fill.js';

it('texts from left to right share a pass by what it computes of them, others by all of their masks', () => {
  const target = (length: number) => ({
    layout: { ids: new Int32Array(length), gaps: [{ start: 0, length, spaced: false }], textTokens: 0, offset: 0 },
  });
  const sizes = (count: number, length: number, causal: boolean): number[] =>
    turns(
      Array.from({ length: count }, () => target(length)),
      { vocabulary: 16_384, causal },
    ).map((turn) => turn.length);
  expect(sizes(12, 32, false)).toEqual([4, 4, 4]);
  expect(sizes(12, 32, true)).toEqual([12]);
  expect(sizes(100, 256, true)).toEqual([32, 32, 32, 4]);
  expect(sizes(200, 8, true)).toEqual([128, 72]);
  expect(sizes(2, 20_000, true)).toEqual([1, 1]);
});
