import { afterAll, describe, expect, it } from 'vitest';
import { draft } from './draft.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { infill } from './infill.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';
import { rewrite } from './rewrite.js';

const plain = await loadModel(fixture('plain'));
afterAll(() => plain.close());

const id = (text: string): number => plain.tokenizer.encode(text)[0]!;
const BEGINNINGS = [' wh', ' whal', ' wha'].map(id);
/** A denoiser that would rather begin " whale" than write it, and that goes on inside a word that is only begun. */
const model: Model = {
  ...plain,
  openFilling: undefined,
  denoise(rows) {
    const size = plain.config.vocab_size;
    const places = rows.flatMap(({ canvas, positions }) => Array.from(positions, (position) => canvas[position - 1]!));
    const out = new Float32Array(places.length * size).fill(-20);
    for (const [m, before] of places.entries()) {
      const begun = BEGINNINGS.includes(before);
      const likely = begun ? ['a', ' and'] : [' wh', ' whal', ' wha', ' whale', ' sea'];
      likely.forEach((text, rank) => (out[m * size + id(text)] = -rank));
    }
    return Promise.resolve(out);
  },
};
const options = { temperature: 0, blockLength: 1, sampler: 'first_hitting', seed: 1 } as const;

describe('a gap whose last word is only begun', () => {
  it.each([
    ['a gap', async (more: object) => (await infill(model, ['the', { gap: 1 }, ' and'], { ...options, ...more })).texts[0]!.text],
    [
      'a gap of open length',
      async (more: object) => (await infill(model, ['the', { gap: [1, 1] }, ' and'], { ...options, ...more })).texts[0]!.text,
    ],
    [
      'a suffix',
      async (more: object) => (await generate(model, { prompt: 'the', suffix: ' and', maxTokens: 1, ...options, ...more })).texts[0]!.text,
    ],
    [
      'a word written anew',
      async (more: object) => (await rewrite(model, 'the sea and', { words: ['sea'], ...options, ...more })).texts[0]!.text,
    ],
  ])('is filled again without its beginning: %s', async (_, text) => {
    expect(await text({ wordGuard: 0 })).toBe('the wh and');
    // Three beginnings are forbidden one after another.
    expect(await text({ wordGuard: 1 })).toBe('the whale and');
  });

  it('of a draft is written anew in the same way', async () => {
    const written = [' sea', ' and'].map(id);
    let read = 0;
    const drafting: Model = {
      ...model,
      openWriter: () =>
        Promise.resolve({
          next: () => Promise.resolve(new Float32Array(plain.config.vocab_size).with(written[read++ % 2]!, 9)),
          keep: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
    };
    const text = async (wordGuard: number) => {
      const { texts } = await draft(drafting, { prompt: 'the', maxTokens: 2, share: 0.5, ...options, wordGuard });
      expect(texts[0]!.draft).toBe(' sea and');
      return texts[0]!.text;
    };
    expect([await text(0), await text(1)]).toEqual(['the sea wh', 'the sea whale']);
  });

  it('is left where the text behind it goes on with it, and where no filling is left', async () => {
    const { texts } = await infill(model, ['the', { gap: 1 }, 'ale and'], { ...options, wordGuard: 1 });
    expect(texts[0]!.text).toBe('the whale and');
    const never: Model = {
      ...model,
      denoise: async (rows) => (await model.denoise(rows)).map((value, i) => (i % plain.config.vocab_size === id('a') ? 9 : value)),
    };
    const left = await infill(never, ['the', { gap: 1 }, ' and'], { ...options, wordGuard: 0.1 });
    expect(left.texts[0]!.fills).toHaveLength(1);
  });

  it('shows a listener the last filling alone, and counts all passes', async () => {
    const commits: string[] = [];
    const parts = ['the', { gap: 1 }, ' and'];
    const watched = await infill(model, parts, {
      ...options,
      wordGuard: 1,
      onStep: (step) => commits.push(...step.commits.map(({ token }) => plain.tokenizer.decode([token]))),
    });
    expect(commits).toEqual([' whale']);
    const { texts } = await infill(model, parts, { ...options, wordGuard: 1 });
    // Four fillings, and the questions behind the first three; a listener costs one filling more.
    expect([texts[0]!.nfe, watched.texts[0]!.nfe]).toEqual([7, 8]);
    expect(watched.texts[0]!.text).toBe(texts[0]!.text);
  });
});
