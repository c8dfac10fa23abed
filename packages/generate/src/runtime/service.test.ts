import { expect, it } from 'vitest';
import type { TensorClass } from './cache.js';
import type { Graph } from './fastest.js';
import { service } from './service.js';

const session = (inputs: Readonly<Record<string, readonly string[]>>): Graph =>
  ({
    inputNames: Object.keys(inputs),
    inputMetadata: Object.entries(inputs).map(([name, shape]) => ({ name, isTensor: true, type: 'int32', shape })),
    outputMetadata: [{ name: 'logits', isTensor: true, type: 'float32', shape: ['rows', 5] }],
  }) as unknown as Graph;

it('refuses a causal graph whose texts have one position', async () => {
  const positions: string[][] = [['batch'], []];
  for (const [i, position] of positions.entries()) {
    const causal = session({ input_ids: ['batch', 'length'], position, rows: ['rows'] });
    const thread = service(() =>
      Promise.resolve({
        session: session({ input_ids: ['batch', 'length'], attention_mask: ['batch', 'length'], rows: ['rows'] }),
        Tensor: Object as unknown as TensorClass,
        loadCausal: () => Promise.resolve(causal),
        report: undefined,
      }),
    );
    await thread.open({ vocab: 5 });
    const begun = thread.begin({ writer: 1, batch: 1, places: 8 });
    if (i === 0) await begun;
    else await expect(begun).rejects.toThrow('its input "position" is one number for all texts, so an older mdiff has exported it');
  }
});
