import { describe, expect, it } from 'vitest';
import { noiseSchedule, noiseSchedules } from './schedule.js';

describe.each(Object.entries(noiseSchedules))('%s', (name, { alpha, weight, inverse }) => {
  const times = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);

  it('falls from 1', () => {
    expect(alpha(0)).toBe(1);
    for (const t of times) expect(alpha(t)).toBeLessThan(alpha(t - 0.01));
    expect(alpha(1)).toBeLessThan(1e-4);
  });

  it('weighs by −α′/(1−α)', () => {
    const h = 1e-5;
    for (const t of times) {
      const slope = (alpha(t + h) - alpha(t - h)) / (2 * h);
      // central differences: truncation h²·α‴/6 ≤ 2e-8 and rounding 1e-16/h, over 1 − α
      expect(Math.abs(weight(t) + slope / (1 - alpha(t)))).toBeLessThan(1e-7 / (1 - alpha(t)));
    }
  });

  it('inverts', () => {
    for (const t of times) expect(Math.abs(inverse(alpha(t)) - t)).toBeLessThan(1e-10); // conditioning of ln near e⁻¹⁰ costs 4 digits
  });

  it('is found by its name', () => expect(noiseSchedule(name).name).toBe(name));
});

it('refuses an unknown name, inherited ones included', () => {
  for (const name of ['loglinear', 'toString']) expect(() => noiseSchedule(name)).toThrow(`got "${name}"`);
});
