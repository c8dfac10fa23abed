import { availableParallelism } from 'node:os';
import { engines } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { UNIT_ROUNDOFF, apart, contract, lossRounding, optionsOf, shapes, trained, variants } from '@mdiff/integration';
import type { Trained } from '@mdiff/integration';
import { native } from './native.test.util.js';

// The contract of an engine, kept by the reference and by native TensorFlow. Not part of `npm test`: suite.mjs runs it.

contract('tfjs', engines['tfjs']!);
contract('tfjs_node', native());
contract('tfjs_node in bfloat16', native({ mixedPrecision: true }), {
  rounding: await lossRounding(UNIT_ROUNDOFF.bfloat16, variants['plain']!, shapes),
});

describe('native TensorFlow on all threads', () => {
  it('computes the same again with the same seed', async () => {
    const threads = availableParallelism();
    const twice: Trained[] = [];
    for (let run = 0; run < 2; run++) {
      const engine = await native()({ ...optionsOf(variants['plain']!), threads });
      twice.push(await trained(engine, variants['plain']!));
      await engine.close();
    }
    expect(apart(twice[0]!.losses, twice[1]!.losses)).toBe(0);
    expect(twice[0]!.state).toEqual(twice[1]!.state);
  });
});
