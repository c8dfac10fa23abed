import { describe, expect, it } from 'vitest';
import { UNIT_ROUNDOFF, comparedWithin, variants } from '@mdiff/integration';
import { native } from './native.test.util.js';

// Native TensorFlow in bfloat16 against the reference, on every kind of network and step. Not part of `npm test`: suite.mjs runs it.

describe.each(Object.entries(variants))('after 20 steps of %s', (_, variant) => {
  it('tfjs_node in bfloat16 agrees with the reference', async () => {
    for (const { what, difference, limit } of await comparedWithin(UNIT_ROUNDOFF.bfloat16, variant, native({ mixedPrecision: true }))) {
      expect(difference, what).toBeLessThan(limit);
      // It is another precision, and not float32 under that name.
      if (!what.startsWith('cross-entropies, guided')) expect(difference, what).toBeGreaterThan(limit / 1000);
    }
  });
});
