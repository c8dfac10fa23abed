import { availableParallelism } from 'node:os';
import { engines, locateTensorFlow } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import {
  UNIT_ROUNDOFF,
  apart,
  comparedWithin,
  contract,
  differences,
  float32Limits,
  lossRounding,
  optionsOf,
  shapes,
  trained,
  trainedBy,
  variants,
} from '@mdiff/integration';
import type { Trained } from '@mdiff/integration';

// The reference, ONNX Runtime and native TensorFlow agree on every kind of network and step. Not part of `npm test`: suite.mjs runs it.

const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;
const native =
  (more: Partial<EngineOptions> = {}) =>
  (options: EngineOptions): Promise<Engine> =>
    engines['tfjs_node']!({ ...options, tensorflow, ...more });

const references = new Map<string, Promise<Trained>>();
const reference = (name: string): Promise<Trained> => {
  const run = references.get(name) ?? trainedBy(engines['tfjs']!, variants[name]!);
  references.set(name, run);
  return run;
};

const contenders: [string, (options: EngineOptions) => Promise<Engine>][] = [
  ['onnxruntime', engines['onnxruntime']!],
  ['tfjs_node', native()],
  ['tfjs_node without fused kernels', native({ kernels: false })],
];

describe.each(Object.entries(variants))('after 20 steps of %s', (name, variant) => {
  it.each(contenders)('%s agrees with the reference', async (_, open) => {
    const expected = await reference(name);
    const limits = await float32Limits(variant, expected);
    expect(expected.losses.at(-1)).toBeLessThan(expected.losses[0]!);
    for (const [what, difference] of Object.entries(differences(expected, await trainedBy(open, variant))))
      expect(difference, what).toBeLessThan(limits[what as keyof typeof limits]);
  });

  it('tfjs_node in bfloat16 agrees with the reference', async () => {
    for (const { what, difference, limit } of await comparedWithin(UNIT_ROUNDOFF.bfloat16, variant, native({ mixedPrecision: true }))) {
      expect(difference, what).toBeLessThan(limit);
      // It is another precision, and not float32 under that name.
      if (!what.startsWith('cross-entropies, guided')) expect(difference, what).toBeGreaterThan(limit / 1000);
    }
  });
});

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
