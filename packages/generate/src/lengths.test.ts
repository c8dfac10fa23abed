import { oracleDenoiser, type MarkovChain } from '@mdiff/testing';
import { afterAll, describe, expect, it } from 'vitest';
import type { Part } from './canvas.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { infill } from './infill.js';
import { chooseLengths, lengthsWithin } from './lengths.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';
import { resolveSampling } from './options.js';

const plain = await loadModel(fixture('plain'));
afterAll(() => plain.close());

/** One token each. */
const words = [' whale', ' and', ' the', ' sea', ' swam', ' to', ' me', '.'];
const ids = words.map((word) => plain.tokenizer.encode(word)[0]!);
const size = words.length;
const [MASK, FIRST] = [plain.config.mask_token_id, 5];
/** Each word is followed by the next one, nearly always: between two words, only one length reads well. */
const chain: MarkovChain = {
  initial: Array<number>(size).fill(1 / size),
  transition: Array.from({ length: size }, (_, a) =>
    Array.from({ length: size }, (_, b) => (b === (a + 1) % size ? 0.9 : 0.1 / (size - 1))),
  ),
};
const oracle = oracleDenoiser(chain, { maskId: MASK, firstId: FIRST });
/** The exact conditionals of the chain, as a model. The chain knows no [EOS], which stands behind every closed canvas. */
const exact: Model = {
  ...plain,
  openFilling: undefined,
  denoise(rows) {
    const states = rows.map(({ canvas, positions }) => ({
      canvas: canvas.slice(0, -1).map((id) => (id === MASK ? MASK : FIRST + ids.indexOf(id))),
      positions,
    }));
    const logits = oracle(states);
    const out = new Float32Array((logits.length / (FIRST + size)) * plain.config.vocab_size).fill(-1e9);
    for (let m = 0; m * (FIRST + size) < logits.length; m++)
      ids.forEach((id, state) => (out[m * plain.config.vocab_size + id] = logits[m * (FIRST + size) + FIRST + state]!));
    return Promise.resolve(out);
  },
};
const text = (state: number): string => words[state % size]!;

describe('a gap of unknown length, on the exact oracle', () => {
  it.each([1, 2, 4, 6])('gets the %d tokens that belong there', async (right) => {
    const parts: Part[] = [text(0), { gap: [1, 8] }, text(right + 1)];
    const sampling = resolveSampling({}, { n: 8, seed: 1, sampler: 'first_hitting', temperature: 1 });
    const chosen = await chooseLengths({ model: exact, parts, sampling }, {});
    const lengths = chosen.map(({ parts: [, gap] }) => (gap as { gap: number }).gap);
    expect(lengths.filter((length) => length === right).length).toBeGreaterThanOrEqual(7);
  });

  it('chooses several gaps one after another', async () => {
    const parts: Part[] = [text(0), { gap: [1, 5] }, text(3), { gap: [1, 5] }, text(7)];
    const { texts } = await infill(exact, parts, { seed: 3, temperature: 0 });
    const states = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(texts[0]!.text).toBe(states.map((state) => text(state)).join(''));
  });
});

describe('lengths', () => {
  it('are all of a short range, and twelve of a long one', () => {
    expect(lengthsWithin([1, 12], 200)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(lengthsWithin([3, 9], 5)).toEqual([3, 4, 5]);
    const long = lengthsWithin([1, 200], 500);
    expect(long).toHaveLength(12);
    expect([long[0], long.at(-1)]).toEqual([1, 200]);
    expect(long).toEqual([...new Set(long)].sort((a, b) => a - b));
    expect(lengthsWithin([10, 40], 500).every((length) => length >= 10 && length <= 40)).toBe(true);
    expect(lengthsWithin([10, 23], 500)).toHaveLength(12);
  });

  it('fit the model: a range is cut to the room, and the first that does not fit is an error', async () => {
    const words = ' whale'.repeat(27);
    const { texts } = await infill(plain, ['The', words, { gap: [1, 12] }, '.'], { seed: 1 });
    expect(plain.tokenizer.encode(texts[0]!.text).length).toBeLessThanOrEqual(plain.config.max_seq_len - 1);
    await expect(infill(plain, ['The', words, { gap: [4, 12] }, '.'])).rejects.toThrow('text: expected at most 32 tokens');
  });

  it.each([[[0, 3]], [[3, 2]], [[1.5, 2]], [[1]], [[1, 2, 3]]])('%j is no range', async (gap) => {
    await expect(infill(plain, ['Call', { gap: gap as never }])).rejects.toThrow(
      `gap: expected an integer >= 1 (tokens to fill) or a range [least, most] of them, got ${JSON.stringify(gap)}`,
    );
  });

  it('are those with which the same seed writes the same text', async () => {
    const { texts } = await infill(plain, ['Call', { gap: [1, 6] }, ' the sea.'], { n: 3, seed: 4 });
    for (const { text: whole, fills, seed } of texts) {
      const gap = plain.tokenizer.encode(fills[0]!).length;
      expect((await infill(plain, ['Call', { gap }, ' the sea.'], { seed })).texts[0]!.text).toBe(whole);
    }
  });
});

it('maxTokens of a suffix is a limit, no target', async () => {
  const chosen = await generate(exact, { prompt: text(0), suffix: text(3), maxTokens: 6, seed: 1, temperature: 0 });
  expect(chosen.texts[0]).toMatchObject({ completion: text(1) + text(2), tokens: 2, finish: 'stop' });
  const forced = await generate(exact, { prompt: text(0), suffix: text(3), maxTokens: 1, seed: 1 });
  expect(forced.texts[0]).toMatchObject({ tokens: 1, finish: 'length' });
});
