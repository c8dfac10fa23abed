import { afterAll, describe, expect, it } from 'vitest';
import { writing as writerModel } from './causal.test.util.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { infill } from './infill.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';

const loaded = await loadModel(fixture('shifted'));
afterAll(() => loaded.close());

const writing = (calls?: string[]): Model => writerModel(loaded, calls);

describe('sampler causal', () => {
  it('reads the prompt once for all texts and then one token a pass, and drops texts that have ended', async () => {
    const calls: string[] = [];
    const { texts, promptTokens } = await generate(writing(calls), { sampler: 'causal', prompt: 'Call me', n: 4, seed: 3 });
    expect(calls.slice(0, 3)).toEqual(['open 1', `next 1 x ${promptTokens + 1}`, 'next 4 x 1']);
    expect(calls.at(-1)).toBe('close');
    const widths = calls.filter((call) => call.startsWith('next')).map((call) => Number(call.split(' ')[1]));
    expect(widths.slice(1)).toEqual(widths.slice(1).sort((a, b) => b - a));
    expect(Math.max(...texts.map(({ nfe }) => nfe))).toBe(widths.length);
    expect(new Set(texts.map(({ tokens }) => tokens)).size).toBeGreaterThan(1);
  });

  it('gives a text the same tokens alone and beside others, also where the context slides', async () => {
    const options = { sampler: 'causal', prompt: 'Call me', minLength: 30, maxTokens: 60 } as const;
    const together = await generate(writing(), { ...options, n: 3, seed: 8 });
    for (const [i, text] of together.texts.entries()) {
      const alone = await generate(writing(), { ...options, n: 1, seed: 8 + i });
      expect(alone.texts).toEqual([text]);
    }
  });

  it('is refused, with a reason, where it cannot write', async () => {
    const model = writing();
    const causal = { sampler: 'causal' } as const;
    const ahead = /^sampler: "causal" writes from left to right and does not see what follows, so it takes no suffix and fills no gap/;
    await expect(generate(model, { ...causal, prompt: 'Call', suffix: ' me' })).rejects.toThrow(ahead);
    await expect(infill(model, ['Call', { gap: 2 }], causal)).rejects.toThrow(ahead);
    await expect(generate(model, { ...causal, earlyCommit: true })).rejects.toThrow(
      'earlyCommit: expected false while sampler is "causal"',
    );
    const { openWriter, ...without } = model;
    expect(openWriter).toBeDefined();
    const reasons = [
      [
        {},
        /^sampler: "causal" needs onnx\/causal\.onnx \(in 8 bits onnx\/causal_quantized\.onnx\), and the folder of shifted has none; export it again with: mdiff export/,
      ],
      [{ causal_share: 0 }, /^sampler: "causal" needs a model that has learnt to predict the next token, and shifted has not/],
      [{ shift_head: false }, /^sampler: "causal" needs a model with model\.shift_head, and shifted has none/],
    ] as const;
    for (const [more, text] of reasons)
      await expect(generate({ ...without, config: { ...loaded.config, ...more } }, causal)).rejects.toThrow(text);
  });

  it('ends with an aborted signal between two passes, and closes its cache', async () => {
    const calls: string[] = [];
    const controller = new AbortController();
    const onStep = (): void => controller.abort(new Error('enough'));
    await expect(generate(writing(calls), { sampler: 'causal', signal: controller.signal, onStep })).rejects.toThrow('enough');
    expect(calls).toEqual(['open 1', 'next 1 x 1', 'close']);
  });
});
