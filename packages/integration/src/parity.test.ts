import { engines } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { contract } from './contract.test.util.js';
import { differences, trainedBy, variants } from './parity.test.util.js';
import type { Trained } from './parity.test.util.js';
import { float32Limits } from './rounding.test.util.js';

// The default engine against the reference. Every kind of network and step, and native TensorFlow, are in checks/native/parity.test.ts.

// Training the reference costs most of the time here: once a variant, and one control of it.
const references = new Map<string, Promise<Trained>>();
function referenceOf(name: string): Promise<Trained> {
  const run = references.get(name) ?? trainedBy(engines['tfjs']!, variants[name]!);
  references.set(name, run);
  return run;
}

const onTwoThreads = (options: EngineOptions): Promise<Engine> => engines['onnxruntime']!({ ...options, threads: 2 });

describe.each([
  ['one thread', engines['onnxruntime']!],
  ['two threads, each with a part of the batch', onTwoThreads],
] as const)('onnxruntime on %s and tfjs agree after 20 steps', (_, open) => {
  it.each(['plain', 'everything else at once'] as const)('%s', async (name) => {
    const variant = variants[name]!;
    const [reference, own] = [await referenceOf(name), await trainedBy(open, variant)];
    expect(reference.losses.at(-1)).toBeLessThan(reference.losses[0]! - 0.3);
    const limits = await float32Limits(variant, reference, 1);
    for (const [what, difference] of Object.entries(differences(reference, own)))
      expect(difference, what).toBeLessThan(limits[what as keyof typeof limits]);
  });
});

contract('onnxruntime', engines['onnxruntime']!);
contract('onnxruntime on two threads', onTwoThreads);
