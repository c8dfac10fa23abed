import { describe, expect, it } from 'vitest';
import type { Products } from '@mdiff/engine';
import { UNIT_ROUNDOFF, comparedWithin, variants } from '@mdiff/integration';
import { kernelsFor, native } from './native.test.util.js';

// Native TensorFlow in bfloat16 against the reference, on every kind of network and step. Not part of `npm test`: suite.mjs runs it.

describe.each(Object.entries(variants))('after 20 steps of %s', (_, variant) => {
  const ways: [string, Products][] = [
    ['by TensorFlow', 'tensorflow'],
    ...kernelsFor('bfloat16').map(({ name, label }): [string, Products] => [`by ${label}`, name]),
  ];
  it.each(ways)('tfjs_node in bfloat16 %s agrees with the reference', async (_, products) => {
    const open = native({ mixedPrecision: true, products });
    for (const { what, difference, limit } of await comparedWithin(UNIT_ROUNDOFF.bfloat16, variant, open)) {
      expect(difference, what).toBeLessThan(limit);
      // It is another precision, and not float32 under that name.
      if (!what.startsWith('cross-entropies, guided')) expect(difference, what).toBeGreaterThan(limit / 1000);
    }
  });
});
