import { expectClose, probability, type MarkovChain } from '@mdiff/testing';
import { Tokenizer } from '@mdiff/text';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';
import { chain, exact, flat, oracle as oracleOf, states } from './oracle.test.util.js';
import { likelihoodRatio, rank, score } from './score.js';

const shifted = await loadModel(fixture('shifted'));
const plain = await loadModel(fixture('plain'));
const oracle = (law: MarkovChain, options?: Parameters<typeof oracleOf>[2]) => oracleOf(shifted, law, options);
afterAll(() => Promise.all([shifted.close(), plain.close()]));

describe('score', () => {
  it.each([true, false])(
    'of an exact denoiser is −ln p of the text and its end on average, with an error that covers the draw of masks (shifted: %s)',
    async (shift) => {
      const model = oracle(chain, { shift });
      const text = 'abba ab\n\nba bab';
      const truth = exact(chain, 'abba ab') + exact(chain, 'ba bab');
      const runs = 60;
      const scores = await Promise.all(Array.from({ length: runs }, (_, seed) => score(model, text, { seed, levels: 8 })));
      const mean = scores.reduce((sum, { nats }) => sum + nats, 0) / runs;
      const spread = Math.sqrt(scores.reduce((sum, { nats }) => sum + (nats - mean) ** 2, 0) / (runs - 1));
      expect(Math.abs(mean - truth)).toBeLessThan((4 * spread) / Math.sqrt(runs)); // 4 standard errors of the mean
      const errors = scores.map(({ natsPerTokenError, tokens }) => natsPerTokenError * tokens);
      const typical = errors.reduce((sum, error) => sum + error, 0) / runs;
      // The spread of 60 runs is known to 9 %; strata make the true error a little smaller than that of independent draws.
      expect(typical / spread).toBeGreaterThan(0.75);
      expect(typical / spread).toBeLessThan(1.7);
    },
  );

  it('counts tokens and bytes as training does, and gives the figures of each unit', async () => {
    const result = await score(oracle(chain), ' abba\nab \n\nba', { seed: 3 });
    expect(result.units.map(({ text, tokens, bytes: size }) => [text, tokens, size])).toEqual([
      ['abba ab', 8, 7],
      ['ba', 3, 2],
    ]);
    expect(result).toMatchObject({ tokens: 11, bytes: 9, seed: 3 });
    expectClose([result.natsPerToken, result.bitsPerByte], [result.nats / 11, result.nats / 9 / Math.LN2], {
      tolerance: 1e-14,
      why: 'float64',
    });
    expectClose([result.units.reduce((sum, { nats }) => sum + nats, 0)], [result.nats], {
      tolerance: 1e-12,
      why: 'a sum in another order',
    });
  });

  it('is the same for the same seed, and no other unit changes a unit', async () => {
    const text = 'The whale swam to the sea.';
    expect(await score(shifted, text, { seed: 5 })).toEqual(await score(shifted, text, { seed: 5 }));
    expect((await score(shifted, text, { seed: 6 })).nats).not.toBe((await score(shifted, text, { seed: 5 })).nats);
  });

  it('cuts a text that is longer than the model, at sentences', async () => {
    const { units } = await score(shifted, 'The whale swam to the sea. '.repeat(9), { levels: 2 });
    expect(units.length).toBeGreaterThan(1);
    for (const { text, tokens } of units) {
      expect(text).toMatch(/^The .*\.$/);
      expect(tokens).toBeLessThanOrEqual(shifted.config.max_seq_len - 1);
    }
    expect(units.map(({ text }) => text).join(' ')).toBe('The whale swam to the sea. '.repeat(9).trim());
  });

  it('gives words the likelihood that they have among all others', async () => {
    const text = 'ab ba a';
    const { units } = await score(oracle(chain), text, { words: true, levels: 1 });
    const [one] = units;
    expect(one!.words!.map((word) => [word.text, word.tokens])).toEqual([
      ['ab', 2],
      ['ba', 3],
      ['a', 2],
    ]);
    // The same by enumeration: all texts that differ in the tokens of this word alone.
    const ids = states(text);
    const among = (from: number, to: number): number => {
      const others = Array.from({ length: 4 ** (to - from) }, (_, n) =>
        ids.map((s, i) => (i < from || i >= to ? s : Math.floor(n / 4 ** (i - from)) % 4)),
      );
      return -Math.log(probability(chain, ids) / others.reduce((sum, x) => sum + probability(chain, x), 0));
    };
    expectClose(
      one!.words!.map(({ nats }) => nats),
      [among(0, 2), among(2, 5), among(5, 7)],
      { tolerance: 1e-5, why: 'logits of the oracle are float32' },
    );
  });

  it('finds the word that does not fit', async () => {
    const { units } = await score(plain, 'Call me sea.', { words: true });
    const words = units[0]!.words!;
    expect(words.map(({ text }) => text)).toEqual(['Call', 'me', 'sea.']);
    expect(words.reduce((worst, word) => (word.nats > worst.nats ? word : worst)).text).toBe('sea.');
  });

  it('runs in few passes, reports them, and stops between two', async () => {
    const model = oracle(chain);
    const seen: [number, number][] = [];
    const { nfe } = await score(model, 'ab ba', { levels: 100, onPass: (done, total) => seen.push([done, total]) });
    expect(seen.at(-1)).toEqual([100, 100]);
    expect(nfe).toBe(seen.length);
    expect(model.rows).toEqual([100]);
    const controller = new AbortController();
    const reason = new Error('enough');
    const text = 'The whale swam to the sea. '.repeat(300);
    const stopped = score(shifted, text, { signal: controller.signal, onPass: () => controller.abort(reason) });
    await expect(stopped).rejects.toBe(reason);
  });

  it('refuses what it cannot score, in one line', async () => {
    for (const text of ['', ' \n\n\t']) {
      await expect(score(shifted, text)).rejects.toThrow(/^text: no text to score; give at least one word$/);
    }
    await expect(score(shifted, 'Call', { levels: 0 })).rejects.toThrow('levels: expected an integer >= 1, got 0');
    await expect(score(shifted, 'Call', { seed: 0.5 })).rejects.toThrow('seed: expected an integer >= 0, got 0.5');
    const damaged: Model = { ...shifted, denoise: async (rows) => (await shifted.denoise(rows)).fill(NaN) };
    await expect(score(damaged, 'Call')).rejects.toThrow(/logits are not finite numbers; the model may be damaged$/);
  });
});

describe('rank', () => {
  it('puts the likeliest text first, token for token', async () => {
    const texts = ['ab ab', 'aa aa aa aa', 'b b b'];
    const ranked = await rank(oracle(chain), texts, { levels: 200 });
    const each = texts.map((text) => exact(chain, text) / (text.length + 1));
    expect(ranked.map(({ index }) => index)).toEqual([...texts.keys()].sort((a, b) => each[a]! - each[b]!));
    expect(ranked.map(({ text, index }) => text === texts[index])).toEqual([true, true, true]);
    await expect(rank(shifted, ['Call', ' '])).rejects.toThrow('texts[1]: no text to score; give at least one word');
    expect(await rank(shifted, [])).toEqual([]);
  });
});

describe('likelihoodRatio', () => {
  const text = 'abba ab ba bab';

  it('is the difference of the log-likelihoods, and of smaller error than the two by themselves', async () => {
    const truth = exact(flat, text) - exact(chain, text);
    const ratio = await likelihoodRatio(oracle(chain), oracle(flat), text, { levels: 400, seed: 2 });
    const error = ratio.natsPerTokenError! * ratio.model.tokens;
    expect(Math.abs(ratio.nats - truth)).toBeLessThan(4 * error);
    expectClose([ratio.nats, ratio.bitsPerByte], [ratio.other.nats - ratio.model.nats, ratio.other.bitsPerByte - ratio.model.bitsPerByte], {
      tolerance: 1e-11,
      why: 'sums in another order',
    });
    expect(ratio.natsPerToken).toBe(ratio.nats / ratio.model.tokens);
    const itself = await likelihoodRatio(oracle(chain), oracle(chain), text);
    expect([itself.nats, itself.natsPerToken, itself.natsPerTokenError]).toEqual([0, 0, 0]);
  });

  it('cuts both texts for the shorter window', async () => {
    const ratio = await likelihoodRatio(oracle(chain, { most: 8 }), oracle(chain), text, { levels: 4 });
    expect(ratio.nats).toBe(0);
    expect(ratio.other.units).toEqual(ratio.model.units);
  });

  it('compares bytes alone where the tokenizers differ', async () => {
    const other = oracle(flat, { tokenizer: Tokenizer.fromMerges([['c', 'd']]) });
    const ratio = await likelihoodRatio(oracle(chain), other, text, { levels: 400, seed: 2 });
    expect([ratio.natsPerToken, ratio.natsPerTokenError]).toEqual([null, null]);
    expect(Math.abs(ratio.nats - (exact(flat, text) - exact(chain, text)))).toBeLessThan(
      4 * ratio.bitsPerByteError * ratio.model.bytes * Math.LN2,
    );
    expectClose([ratio.bitsPerByteError], [Math.hypot(ratio.model.bitsPerByteError, ratio.other.bitsPerByteError)], {
      tolerance: 1e-14,
      why: 'float64',
    });
  });
});
