import { describe, expect, it } from 'vitest';
import { kernel } from './kernel.js';
import { stream } from './random.js';
import { weigh, weighInLoop } from './weigh.js';

const rng = stream(1, 'numbers');
const both = (x: Float64Array, temperature: number) =>
  [weigh, weighInLoop].map((way) => {
    const out = new Float64Array(x.length);
    return { ...way(x, temperature, out), out };
  });

describe('weights in WebAssembly', () => {
  it('are there', () => expect(kernel).not.toBeNull());

  it.each([64, 65, 1000, 9001, 40_000, 300])('are those of Math.exp: %s numbers', (size) => {
    for (const [spread, temperature] of [
      [0, 1],
      [2.5, 0.8],
      [400, 0.5],
      [1e-9, 10],
    ] as const) {
      const x = Float64Array.from({ length: size }, (_, i) => (i % 7 === 3 ? -Infinity : spread * rng.normal()));
      const [fast, plain] = both(x, temperature);
      expect(fast!.max - plain!.max).toBe(0);
      expect(Math.abs(fast!.sum / plain!.sum - 1)).toBeLessThan(1e-13); // 40,000 roundings in another order
      // (x − max)/T is rounded before exp, so that an error of 2⁻⁵³ of it is one of up to 708·2⁻⁵³ of the result
      const errors = fast!.out.map((value, i) => (plain!.out[i]! < 1e-300 ? value : Math.abs(value / plain!.out[i]! - 1)));
      expect(Math.max(...errors)).toBeLessThan(2e-13);
      expect(fast!.out.filter((_, i) => x[i] === -Infinity).every((value) => value === 0)).toBe(true);
    }
  });

  it('show what is no number', () => {
    for (const broken of [NaN, Infinity]) {
      const x = new Float64Array(100);
      x[57] = broken;
      expect(weigh(x, 1, new Float64Array(100)).sum).toBeNaN();
    }
    expect(weigh(new Float64Array(100).fill(-Infinity), 1, new Float64Array(100)).sum).toBeNaN();
  });
});
