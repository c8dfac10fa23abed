import { afterAll, expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { framesOf } from './frames.js';
import { generate } from './generate.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';

const plain = await loadModel(fixture('plain'));
afterAll(() => plain.close());

const id = (text: string): number => plain.tokenizer.encode(text)[0]!;
const last = plain.tokenizer.encode('the').at(-1)!;
const options = { prompt: 'the', maxTokens: 3, blockLength: 1, sampler: 'first_hitting', temperature: 0, seed: 1 } as const;
/** Begins " wh", goes on with "a" though hundreds of tokens are nearly as likely, and ends that word. */
const model: Model = {
  ...plain,
  openFilling: undefined,
  denoise(rows) {
    const size = plain.config.vocab_size;
    const before = rows.flatMap(({ canvas, positions }) => Array.from(positions, (position) => canvas[position - 1]!));
    const out = new Float32Array(before.length * size).fill(-3);
    for (const [m, token] of before.entries()) {
      const begun = token === id(' wh');
      const next = begun ? ['a'] : token === last ? [' wh', ' sea'] : [' and', ' sea'];
      next.forEach((text, rank) => (out[m * size + id(text)] = (begun ? 0 : 9) - rank));
    }
    return Promise.resolve(out);
  },
};

it('a listener sees the word that stays, never the one that was taken back', async () => {
  const told: string[] = [];
  const frames: string[] = [];
  const frameOf = framesOf(model, { first: 0, sampling: {} });
  const { texts } = await generate(model, {
    ...options,
    wordGuard: 1,
    onText: ({ text }) => told.push(text),
    onStep: (step) =>
      frames.push(
        frameOf(step)
          .pieces.map(({ text }) => text)
          .join(''),
      ),
  });
  const free = await generate(model, { ...options, wordGuard: 0 });
  expect(free.texts[0]!.completion).toMatch(/^ wha/);
  expect(texts[0]!.completion).toMatch(/^ sea and/);
  expect(told.join('')).toBe(texts[0]!.completion);
  expect(frames).toHaveLength(3);
  for (const [i, frame] of frames.entries()) expect(texts[0]!.text.startsWith(frame), `frame ${i}: ${frame}`).toBe(true);
  // " wh", "a" and the token behind them are drawn and taken back.
  expect([free.texts[0]!.nfe, texts[0]!.nfe]).toEqual([3, 6]);
});

it('the inference thread draws the same again as the caller does, and no text depends on those beside it', async () => {
  const wild = { ...options, maxTokens: 24, temperature: 4, wordGuard: 1, n: 4 };
  const there = await generate(plain, wild);
  expect(there.texts.reduce((sum, { nfe, tokens }) => sum + nfe - tokens, 0)).toBeGreaterThan(0);
  expect(await generate({ ...plain, openFilling: undefined }, wild)).toEqual(there);
  const { seed } = there.texts[2]!;
  expect((await generate(plain, { ...wild, n: 1, seed })).texts[0]).toEqual(there.texts[2]);
});
