import { engines, installedEngines, locateTensorFlow } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { describe, expect, it } from 'vitest';
import { UNIT_ROUNDOFF, comparedWithin, contract, lossRounding, optionsOf, shapes, variants } from '@mdiff/integration';

// Native TensorFlow on CUDA: with a GPU and `mdiff engine install tensorflow --cuda` the suites of the processor; without, up to the device.

const cuda = installedEngines('cache').tensorflow.cuda;
const onGpu = (options: EngineOptions): Promise<Engine> => engines['tfjs_node']!({ ...options, device: 'cuda', tensorflow: cuda! });

describe('device: cuda without a GPU', () => {
  it.runIf(!cuda)('loads the library, looks for the GPU, and says that there is none', async () => {
    const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;
    const opened = engines['tfjs_node']!({ ...optionsOf(variants['plain']!), device: 'cuda', tensorflow });
    await expect(opened).rejects.toMatchObject({
      code: 'MDIFF_TENSORFLOW',
      exitCode: 2,
      message: expect.stringMatching(/^device "cuda": the library in \S+ finds no GPU; see "mdiff engine doctor"/) as string,
    });
  });
});

// Products in TF32 keep 11 bits of each operand. Not run on a GPU yet.
describe.each(cuda ? Object.entries(variants) : [])('on CUDA, after 20 steps of %s', (_, variant) => {
  it('agrees with the reference', async () => {
    for (const { what, difference, limit } of await comparedWithin(UNIT_ROUNDOFF.tf32, variant, onGpu))
      expect(difference, what).toBeLessThan(limit);
  });
});

if (cuda) contract('tfjs_node on cuda', onGpu, { rounding: await lossRounding(UNIT_ROUNDOFF.tf32, variants['plain']!, shapes) });
