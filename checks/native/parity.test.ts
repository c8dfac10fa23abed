import { engines } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { differences, float32Limits, trainedBy, variants } from '@mdiff/integration';
import type { Trained } from '@mdiff/integration';
import { kernelsFor, native } from './native.test.util.js';

// The reference, ONNX Runtime and native TensorFlow agree in float32 on every kind of network and step; bfloat16.test.ts is the other precision.
// Not part of `npm test`: suite.mjs runs it.

const references = new Map<string, Promise<Trained>>();
const reference = (name: string): Promise<Trained> => {
  const run = references.get(name) ?? trainedBy(engines['tfjs']!, variants[name]!);
  references.set(name, run);
  return run;
};

type Contender = [name: string, open: (options: EngineOptions) => Promise<Engine>];

const contenders: Contender[] = [
  ['onnxruntime', engines['onnxruntime']!],
  ['tfjs_node', native()],
  ['tfjs_node without fused kernels', native({ kernels: false })],
  ...kernelsFor('float32').map(({ name, label }): Contender => [`tfjs_node by ${label}`, native({ products: name })]),
];

describe.each(Object.entries(variants))('after 20 steps of %s', (name, variant) => {
  it.each(contenders)('%s agrees with the reference', async (_, open) => {
    const expected = await reference(name);
    const limits = await float32Limits(variant, expected);
    expect(expected.losses.at(-1)).toBeLessThan(expected.losses[0]!);
    for (const [what, difference] of Object.entries(differences(expected, await trainedBy(open, variant))))
      expect(difference, what).toBeLessThan(limits[what as keyof typeof limits]);
  });
});
