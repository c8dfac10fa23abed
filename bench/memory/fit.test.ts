import { expect, it } from 'vitest';
import { errorOf, fitOf } from './fit.js';

const line = { activationFactor: 1.5, baseBytes: 300e6 };
const sizes = [[20e6, 100e6], [80e6, 400e6], [320e6, 6e9]] as const;
const point = ([state, activations]: readonly [number, number], noise = 1): { state: number; activations: number; peak: number } =>
  ({ state, activations, peak: (state + line.activationFactor * activations + line.baseBytes) * noise });

it('finds the numbers that points were made of', () => {
  const fit = fitOf(sizes.map((size) => point(size)));
  expect(fit.activationFactor).toBeCloseTo(line.activationFactor, 9);
  expect(fit.baseBytes / line.baseBytes).toBeCloseTo(1, 9);
  for (const size of sizes) expect(errorOf(point(size), fit)).toBeCloseTo(0, 9);
});

it('weighs relative errors: a tenth more at one size moves no estimate by more than that', () => {
  const points = sizes.map((size, i) => point(size, i === 2 ? 1.1 : 1));
  const fit = fitOf(points);
  for (const one of points) expect(Math.abs(errorOf(one, fit))).toBeLessThan(0.1);
});

it('refuses points that cannot tell the two apart', () => {
  expect(() => fitOf([point(sizes[0]), point(sizes[0])])).toThrow(RangeError);
});
