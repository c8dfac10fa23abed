import { engines } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { contract, differences, trainedBy, variants } from '@mdiff/integration';

// ONNX Runtime's WebGPU provider against ONNX Runtime on the processor, over every kind of network and step. Not part of `npm test`, because
// it needs a device, if only a software one: suite.mjs runs it.

const webgpu = (options: EngineOptions): Promise<Engine> => engines['onnxruntime']!({ ...options, device: 'webgpu' });

describe.each(Object.entries(variants))('after 20 steps of %s', (_, variant) => {
  it('webgpu agrees with the processor', async () => {
    const expected = await trainedBy(engines['onnxruntime']!, variant);
    expect(expected.losses.at(-1)).toBeLessThan(expected.losses[0]!);
    // Sums in another order, in float32, over twenty steps: the limits of native/parity.test.ts. The worst seen on SwiftShader, in an earlier form of the graph:
    // 8e-5 of a norm, without convolution; losses 2e-6.
    for (const [what, difference] of Object.entries(differences(expected, await trainedBy(webgpu, variant)))) expect(difference, what).toBeLessThan(what === 'norm' ? 8e-4 : 4e-4);
  });
});

contract('onnxruntime on webgpu', webgpu);
