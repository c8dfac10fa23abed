import { afterAll, describe, expect, it } from 'vitest';
import { writing } from './causal.test.util.js';
import { draft } from './draft.js';
import { fixture } from './fixture.test.util.js';
import { loadModel } from './load.js';

const loaded = await loadModel(fixture('shifted'));
afterAll(() => loaded.close());

describe('draft', () => {
  const options = { prompt: 'Call me', maxTokens: 12, minLength: 20, n: 3, seed: 4, sampler: 'first_hitting' } as const;

  it('writes the share of the tokens again that the denoiser finds least likely, and leaves the others', async () => {
    const { texts } = await draft(writing(loaded), { ...options, share: 0.25 });
    expect(texts).toHaveLength(3);
    for (const { text, completion, draft: before, revised, tokens } of texts) {
      expect(text).toBe(`Call me${completion}`);
      const [old, now] = [before, completion].map((part) => [...loaded.tokenizer.encode(part)]) as [number[], number[]];
      expect(revised).toBe(Math.round(0.25 * old.length));
      expect(tokens).toBe(now.length);
    }
    expect(texts.some(({ completion, draft: before }) => completion !== before)).toBe(true);
    expect((await draft(writing(loaded), { ...options, share: 0.25 })).texts).toEqual(texts);
  });

  it('with share 0 is the draft', async () => {
    const { texts } = await draft(writing(loaded), { ...options, share: 0 });
    for (const { completion, draft: before, revised } of texts) expect([completion, revised]).toEqual([before, 0]);
  });

  it('refuses a wrong share, and a model without a causal graph', async () => {
    await expect(draft(writing(loaded), { share: 2 })).rejects.toThrow('share: expected a number from 0 to 1, got 2');
    await expect(draft(loaded, options)).rejects.toThrow('sampler: "causal" needs onnx/causal.onnx');
  });
});
