import { availableParallelism } from 'node:os';
import { initParams } from '@mdiff/model';
import { engines, locateTensorFlow } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { apart, contract, differences, distance, mean, optionsOf, trained, trainedBy, variants } from '@mdiff/integration';
import type { Trained } from '@mdiff/integration';

// The reference, ONNX Runtime and native TensorFlow agree on every kind of network and step. Not part of `npm test`: suite.mjs runs it.

const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;
const native =
  (more: Partial<EngineOptions> = {}) =>
  (options: EngineOptions): Promise<Engine> =>
    engines['tfjs_node']!({ ...options, tensorflow, ...more });

const references = new Map<string, Promise<Trained>>();
const reference = (name: string): Promise<Trained> => {
  const found = references.get(name) ?? trainedBy(engines['tfjs']!, variants[name]!);
  references.set(name, found);
  return found;
};

const contenders: [string, (options: EngineOptions) => Promise<Engine>][] = [
  ['onnxruntime', engines['onnxruntime']!],
  ['tfjs_node', native()],
  ['tfjs_node without fused kernels', native({ kernels: false })],
];

describe.each(Object.entries(variants))('after 20 steps of %s', (name, variant) => {
  it.each(contenders)('%s agrees with the reference', async (_, open) => {
    const expected = await reference(name);
    expect(expected.losses.at(-1)).toBeLessThan(expected.losses[0]!);
    // Sums in another order, in float32, over twenty steps: about four times the worst seen, 1.0e-4 of one row's cross-entropy near 4. A gradient
    // of a row that a norm blows up has fewer digits: one of the norms was 1.8e-4 off where the losses still agreed to 1.4e-6.
    for (const [what, difference] of Object.entries(differences(expected, await trainedBy(open, variant)))) expect(difference, what).toBeLessThan(what === 'norm' ? 8e-4 : 4e-4);
  });

  it('tfjs_node in bfloat16 agrees with the reference', async () => {
    const expected = await reference(name);
    const own = await trainedBy(native(), variant, { mixedPrecision: true });
    // Operands of products keep 8 bits: errors of 2⁻⁹ each, which twenty steps of so small a network with such large weights carry on. The limits
    // are about three times the worst seen over all kinds: 0.06 of a loss near 3.5, 0.012 of the mean cross-entropy, an eighth of the way
    // that the weights have gone (ReLU and no convolution; a fiftieth in the plain network).
    const start = initParams(optionsOf(variant).model, optionsOf(variant).seed);
    expect(apart(own.losses, expected.losses)).toBeLessThan(0.2);
    expect(Math.abs(mean(own.ce) - mean(expected.ce))).toBeLessThan(0.04);
    expect(distance(own.state.params, expected.state.params)).toBeLessThan(0.4 * distance(start, expected.state.params));
    // It is another precision, and not float32 under that name.
    expect(apart(own.state.params, expected.state.params)).toBeGreaterThan(1e-4);
  });
});

contract('tfjs', engines['tfjs']!);
contract('tfjs_node', native());
// Products of operands of 8 bits: ten times the worst seen.
contract('tfjs_node in bfloat16', native({ mixedPrecision: true }), { rounding: 0.02 });

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
