import { initParams } from '@mdiff/model';
import { engines, installedEngines, locateTensorFlow } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { apart, contract, distance, optionsOf, trainedBy, variants } from '@mdiff/integration';

// Native TensorFlow on CUDA: with a GPU and `mdiff engine install tensorflow --cuda` the suites of the processor; without, up to the device.

const cuda = installedEngines('cache').tensorflow.cuda;
const onGpu = (options: EngineOptions): Promise<Engine> => engines['tfjs_node']!({ ...options, device: 'cuda', tensorflow: cuda! });

describe('device: cuda without a GPU', () => {
  it.runIf(!cuda)('loads the library, looks for the GPU, and says that there is none', async () => {
    const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;
    const opened = engines['tfjs_node']!({ ...optionsOf(variants['plain']!), device: 'cuda', tensorflow });
    await expect(opened).rejects.toMatchObject({ code: 'MDIFF_TENSORFLOW', exitCode: 2, message: expect.stringMatching(/^device "cuda": expected a GPU, but the library in \S+ lists none; see "mdiff engine doctor"/) as string });
  });
});

// Products in TF32 keep 10 bits where bfloat16 keeps 8: the limits are half of those of bfloat16 in parity.test.ts. Set without a GPU at hand.
describe.each(cuda ? Object.entries(variants) : [])('on CUDA, after 20 steps of %s', (_, variant) => {
  it('agrees with the reference', async () => {
    const [expected, own] = [await trainedBy(engines['tfjs']!, variant), await trainedBy(onGpu, variant)];
    const start = initParams(optionsOf(variant).model, optionsOf(variant).seed);
    expect(apart(own.losses, expected.losses)).toBeLessThan(0.1);
    expect(distance(own.state.params, expected.state.params)).toBeLessThan(0.2 * distance(start, expected.state.params));
  });
});

if (cuda) contract('tfjs_node on cuda', onGpu, { rounding: 1e-2 });
