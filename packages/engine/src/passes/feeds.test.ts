import { describe, expect, it } from 'vitest';
import { drawMask } from './feeds.js';

describe('drawMask', () => {
  const size = 200_000;

  it.each([0.02, 0.1, 0.5, 0.9])('drops each number with probability %d, independently of its neighbours', (p) => {
    const mask = drawMask(size, p, 7, 'test');
    const dropped = mask.map((value) => (value === 0 ? 1 : 0));
    const pairs = dropped.slice(1).filter((value, i) => value === 1 && dropped[i] === 1).length;
    const count = dropped.reduce((sum, value) => sum + value, 0);
    // Five standard deviations of a binomial: once in two million seeds by chance, and the seed is fixed.
    const close = (got: number, share: number): void =>
      expect(Math.abs(got - share * size)).toBeLessThan(5 * Math.sqrt(share * (1 - share) * size) + 1);
    close(count, p);
    close(pairs, p * p);
    // Kept numbers are scaled up, so that the expectation stays 1.
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
  });

  it('drops the first and the last number as often as any', () => {
    let [first, last] = [0, 0];
    for (let seed = 0; seed < 2000; seed++) {
      const mask = drawMask(5, 0.3, seed, 'ends');
      first += mask[0] === 0 ? 1 : 0;
      last += mask[4] === 0 ? 1 : 0;
    }
    // 600 ± five times 20.5.
    expect(Math.abs(first - 600)).toBeLessThan(103);
    expect(Math.abs(last - 600)).toBeLessThan(103);
  });

  it('keeps every number without dropout, and is the same for the same seed and keys', () => {
    expect(drawMask(4, 0, 1)).toEqual(new Float32Array(4).fill(1));
    expect(drawMask(size, 0.1, 1, 'a')).toEqual(drawMask(size, 0.1, 1, 'a'));
    expect(drawMask(size, 0.1, 1, 'a')).not.toEqual(drawMask(size, 0.1, 1, 'b'));
    expect(drawMask(size, 0.1, 1, 'a')).not.toEqual(drawMask(size, 0.1, 2, 'a'));
  });
});
