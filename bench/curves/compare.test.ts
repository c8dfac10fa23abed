import { expect, it } from 'vitest';
import { comparison, noiseOf, smooth } from './compare.js';

it('averages neighbours', () => {
  expect(smooth([1, 3, 5, 7], 2)).toEqual([2, 4, 6]);
});

it('sees a lasting difference, and not one that averages out', () => {
  const base = [5, 4, 3, 2];
  expect(
    comparison(
      base,
      base.map((loss) => loss + 0.5),
      2,
    ),
  ).toMatchObject({ rms: 0.5, largest: 0.5, mean: 0.5 });
  expect(
    comparison(
      base,
      base.map((loss, i) => loss + (i % 2 ? 0.5 : -0.5)),
      2,
    ),
  ).toMatchObject({ rms: 0, largest: 0, mean: 0 });
});

it('gives the sign of other minus base, and the size of the largest whatever its sign', () => {
  expect(comparison([2, 2], [1, 1.5], 1)).toMatchObject({ largest: 1, mean: -0.75, differences: [-1, -0.5] });
});

it('refuses curves that do not belong together', () => {
  expect(() => comparison([1, 2], [1], 1)).toThrow(RangeError);
  expect(() => comparison([1], [1], 2)).toThrow(RangeError);
});

it('tells a shift that every seed shows from chance, and curves that are further apart than seeds are', () => {
  const seeds = [{ rms: 0.04 }, { rms: 0.05 }];
  const tried = (...held: number[]) => held.map((value) => ({ rms: 0.05, held: value }));
  expect(noiseOf(tried(0.03, -0.02, 0.01), seeds)).toMatchObject({ within: true, rms: expect.closeTo(0.05 / 0.045, 10) as number });
  // Mean 0.04, standard error 0.001·√(2/2/3): far from 0.
  expect(noiseOf(tried(0.039, 0.04, 0.041), seeds)).toMatchObject({
    within: false,
    mean: expect.closeTo(0.04, 10) as number,
    error: expect.closeTo(0.001 / Math.sqrt(3), 10) as number,
  });
  expect(
    noiseOf(
      tried(0.03, -0.02, 0.01).map((pair) => ({ ...pair, rms: 0.1 })),
      seeds,
    ).within,
  ).toBe(false);
});
