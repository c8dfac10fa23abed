import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.js';

const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const half = (value: number): number => toFloat16(Float32Array.of(value))[0]!;
const brain = (value: number): number => toBfloat16(Float32Array.of(value))[0]!;

/** The nearest of all values of a format, ties to the even pattern: a second implementation, by search. */
function nearest(values: Float32Array, x: number): number {
  let best = 0;
  for (let i = 0; i < 0x7f80; i++) {
    if (!Number.isFinite(values[i]!)) break;
    const [a, b] = [Math.abs(values[i]! - x), Math.abs(values[best]! - x)];
    if (a < b || (a === b && i % 2 === 0)) best = i;
  }
  return best;
}

describe.each([
  ['float16', toFloat16, fromFloat16, 65504],
  ['bfloat16', toBfloat16, fromBfloat16, 3.3895313892515355e38],
] as const)('%s', (_, to, from, largest) => {
  const values = from(patterns);

  it('gives every pattern back, NaN as NaN', () => {
    const back = to(values);
    values.forEach((value, i) => (Number.isNaN(value) ? expect(from(back.subarray(i, i + 1))[0]).toBeNaN() : expect(back[i]).toBe(i)));
  });

  it('has the largest finite value of its standard', () => {
    expect(Math.max(...values.filter(Number.isFinite))).toBe(largest);
  });

  it('rounds to the nearest value, ties to even', () => {
    const range = Math.min(largest, 60000);
    fc.assert(
      fc.property(fc.float({ min: Math.fround(-range), max: Math.fround(range), noNaN: true }), (x) => {
        const bits = to(Float32Array.of(x))[0]!;
        expect(bits & 0x7fff).toBe(nearest(values, Math.abs(x)));
        expect(bits >>> 15).toBe(Object.is(x, -0) || x < 0 ? 1 : 0);
      }),
      { seed: 1, numRuns: 60 },
    );
    // Halfway between two neighbours, over the whole range of exponents.
    for (let i = 0; i < 0x7b00; i += 97) {
      const middle = (values[i]! + values[i + 1]!) / 2;
      if (Math.fround(middle) === middle && middle > 0) expect(to(Float32Array.of(middle))[0]).toBe(i % 2 === 0 ? i : i + 1);
    }
  });
});

it('keeps infinities, and overflow becomes infinite where the standard says so', () => {
  expect([half(Infinity), half(-Infinity), half(65519), half(65520), half(1e30)]).toEqual([0x7c00, 0xfc00, 0x7bff, 0x7c00, 0x7c00]);
  expect([brain(Infinity), brain(-Infinity), brain(3.4e38)]).toEqual([0x7f80, 0xff80, 0x7f80]);
});

it('knows single values by heart', () => {
  expect([half(1), half(-2), half(0.1), half(2 ** -24), half(2 ** -25), half(3 * 2 ** -26)]).toEqual([0x3c00, 0xc000, 0x2e66, 1, 0, 1]);
  expect([brain(1), brain(-2), brain(0.1), brain(3.14159274)]).toEqual([0x3f80, 0xc000, 0x3dcd, 0x4049]);
});
