import { expect, it } from 'vitest';
import { errorOf, fitOf } from './fit.js';

const line = { stateFactor: 3, activationFactor: 1.5, baseBytes: 300e6 };
const sizes = [
  [20e6, 100e6],
  [80e6, 400e6],
  [80e6, 1600e6],
  [320e6, 6e9],
] as const;
const point = ([state, activations]: readonly [number, number], noise = 1): { state: number; activations: number; peak: number } => ({
  state,
  activations,
  peak: (line.stateFactor * state + line.activationFactor * activations + line.baseBytes) * noise,
});

it('finds the numbers that points were made of', () => {
  const fit = fitOf(sizes.map((size) => point(size)));
  expect(fit.stateFactor).toBeCloseTo(line.stateFactor, 6);
  expect(fit.activationFactor).toBeCloseTo(line.activationFactor, 6);
  expect(fit.baseBytes / line.baseBytes).toBeCloseTo(1, 6);
  for (const size of sizes) expect(errorOf(point(size), fit)).toBeCloseTo(0, 6);
});

it('weighs relative errors: a tenth more at one size moves no estimate by more than that', () => {
  const points = sizes.map((size, i) => point(size, i === 1 ? 1.1 : 1));
  const fit = fitOf(points);
  for (const one of points) expect(Math.abs(errorOf(one, fit))).toBeLessThan(0.1);
});

it('refuses points that cannot tell the three apart', () => {
  expect(() => fitOf([point(sizes[0]), point(sizes[1])])).toThrow(RangeError);
  expect(() => fitOf(sizes.map(([state]) => point([state, 5 * state])))).toThrow(RangeError);
});
