import { engines } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { contract, differences, float32Limits, trainedBy, variants } from '@mdiff/integration';

// ONNX Runtime's WebGPU provider against ONNX Runtime on the processor, over every kind of network and step. Not part of `npm test`, because
// it needs a device, if only a software one: suite.mjs runs it.

const webgpu = (options: EngineOptions): Promise<Engine> => engines['onnxruntime']!({ ...options, device: 'webgpu' });

describe.each(Object.entries(variants))('after 20 steps of %s', (_, variant) => {
  it('webgpu agrees with the processor', async () => {
    const expected = await trainedBy(engines['onnxruntime']!, variant);
    expect(expected.losses.at(-1)).toBeLessThan(expected.losses[0]!);
    const limits = await float32Limits(variant, expected);
    for (const [what, difference] of Object.entries(differences(expected, await trainedBy(webgpu, variant))))
      expect(difference, what).toBeLessThan(limits[what as keyof typeof limits]);
  });
});

contract('onnxruntime on webgpu', webgpu);
