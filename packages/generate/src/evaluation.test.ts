import { expectClose } from '@mdiff/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { writing } from './causal.test.util.js';
import { drawUnits, leftToRight, nextTokens } from './chain.js';
import { boundOf, chainRuleOf, cutText } from './evaluation.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { loadModel } from './load.js';
import { chain, exact, oracle } from './oracle.test.util.js';
import { rankByNextToken, score } from './score.js';
import { evaluateWriting, excerpts } from './writing.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

const texts = ['abba', 'a b', 'baabab', 'bb a', 'a', 'ab ab'];

describe('boundOf', () => {
  it('is the score of the text, in parts that make up the whole', async () => {
    const model = oracle(shifted, chain);
    const units = await cutText(model, texts);
    const bands = ['easy', 'hard', 'hard', 'easy', 'easy', 'hard'];
    const bound = await boundOf(model, units, { seed: 3, levels: 8, bands });
    const { natsPerToken, bitsPerByte } = await score(model, texts, { seed: 3, levels: 8 });
    expect(bound).toMatchObject({ units: 6, tokens: 29, bytes: 23, levels: 8, seed: 3 });
    expectClose([bound.natsPerToken, bound.bitsPerByte], [natsPerToken, bitsPerByte], {
      tolerance: 1e-12,
      why: 'float64 sums in another order',
    });
    expect(bound.natsPerTokenError).toBeGreaterThan(0);
    const { easy, hard } = bound.byBand!;
    expect([easy!.units, hard!.units, easy!.tokens + hard!.tokens]).toEqual([3, 3, 29]);
    expect(easy!.natsPerToken * easy!.tokens + hard!.natsPerToken * hard!.tokens).toBeCloseTo(natsPerToken * 29, 9);
    const { byRatio } = bound;
    expect(byRatio.map(({ to }) => to)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect(byRatio.reduce((sum, { masks }) => sum + masks, 0)).toBe(48);
  });
});

describe('the chain rule', () => {
  it.each([true, false])('from left to right is the exact likelihood under an exact denoiser, shifted %s', async (shift) => {
    const model = oracle(shifted, chain, { shift });
    const units = await cutText(model, texts);
    const nats = await leftToRight(model, units, {});
    expectClose(
      [...nats],
      texts.map((text) => exact(chain, text)),
      { tolerance: 1e-6, why: 'float32 logits' },
    );
  });

  it('by next-token prediction reads each text once, of any length', async () => {
    const calls: string[] = [];
    const model = writing(shifted, calls);
    const units = await cutText(model, ['Call me Ishmael.', 'The whale swam to the sea.', 'Call me.', 'The sea.']);
    const together = await nextTokens(model, units, {});
    const alone: number[] = [];
    for (const unit of units) alone.push((await nextTokens(model, [unit], {}))[0]!);
    expectClose([...together], alone, { tolerance: 1e-12, why: 'float64 sums' });
    expect(calls.filter((call) => call.startsWith('open'))).toEqual(['open 4', ...units.map(() => 'open 1')]);
  });

  it('ranks texts by next-token prediction, the likeliest first', async () => {
    const model = writing(shifted, []);
    const given = ['Call me Ishmael.', 'The whale swam to the sea.', 'Call me.', 'The sea.'];
    const units = await cutText(model, given);
    const nats = await nextTokens(model, units, {});
    const ranked = await rankByNextToken(model, given);
    expect(ranked.map(({ index }) => given[index])).toEqual(ranked.map(({ text }) => text));
    for (const { index, natsPerToken } of ranked) expect(natsPerToken).toBeCloseTo(nats[index]! / (units[index]!.ids.length + 1), 9);
    const order = ranked.map(({ natsPerToken }) => natsPerToken);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    await expect(rankByNextToken(model, ['The sea.', ' '])).rejects.toThrow('texts[1]: no text to score');
    await expect(rankByNextToken(shifted, given)).rejects.toThrow('does not predict the next token');
  });

  it('draws its sample by the seed, and says of which units the figures are', async () => {
    const model = oracle(shifted, chain);
    const units = await cutText(model, texts);
    const sample = drawUnits(units, { tokens: 12, seed: 1 });
    expect(sample).toEqual(drawUnits(units, { tokens: 12, seed: 1 }));
    expect(sample.reduce((sum, i) => sum + units[i]!.ids.length + 1, 0)).toBeLessThanOrEqual(12);
    expect(drawUnits(units, { tokens: 1, seed: 1 })).toHaveLength(1);
    const { bound, leftToRight: rule, nextToken } = await chainRuleOf(model, units, { tokens: 1e6, seed: 2, levels: 64 });
    expect(nextToken).toBeUndefined();
    expect(rule!.natsPerToken).toBeCloseTo(texts.reduce((sum, text) => sum + exact(chain, text), 0) / 29, 5);
    // The bound of an exact denoiser is the likelihood itself, up to the draw of the masks.
    expect(Math.abs(bound!.natsPerToken - rule!.natsPerToken)).toBeLessThan(0.05);
  });

  it('leaves out what does not hold for a model of next-token prediction alone', async () => {
    const model = writing({ ...shifted, config: { ...shifted.config, causal_share: 1 } });
    const rule = await chainRuleOf(model, await cutText(model, ['Call me Ishmael.']), { tokens: 100, seed: 1 });
    expect(Object.keys(rule)).toEqual(['nextToken']);
    await expect(score(model, 'Call me.')).rejects.toThrow(
      /so its NELBO would mean nothing; mdiff evaluate gives its next-token likelihood$/,
    );
    await expect(generate(model, { sampler: 'confidence', maxTokens: 3 })).rejects.toThrow(/fills no gaps; set sampler to "causal"$/);
    expect((await generate(model, { sampler: 'causal', maxTokens: 3, seed: 1 })).texts[0]!.tokens).toBeGreaterThan(0);
  });
});

describe('evaluateWriting', () => {
  it('counts what is written at each temperature, beside the training text', async () => {
    const book = ['The whale swam to the sea. Call me Ishmael.'];
    const seen: number[] = [];
    const options = { temperatures: [0, 2], n: 3, maxTokens: 12, seed: 1, book };
    const rows = await evaluateWriting(shifted, { ...options, onTemperature: ({ temperature }) => seen.push(temperature) });
    expect(seen).toEqual([0, 2]);
    expect(rows.map(({ texts: written }) => written.length)).toEqual([3, 3]);
    expect(rows).toEqual(await evaluateWriting(shifted, options));
    const [cold, hot] = rows;
    expect(cold!.entropy).toBeLessThanOrEqual(hot!.entropy);
    expect(cold!.overlap4).toBeGreaterThanOrEqual(hot!.overlap4!);
    expect(Object.keys((await evaluateWriting(shifted, { temperatures: [1], maxTokens: 8, seed: 1 }))[0]!)).not.toContain('verbatim');
  });

  it('takes evenly spread excerpts of about as many words', async () => {
    const units = Array.from({ length: 20 }, (_, i) => ({ text: `one two three four ${'x'.repeat(i + 1)}` }));
    const chosen = await excerpts(units, 20);
    expect(chosen).toHaveLength(4);
    expect(chosen).toContain(units[0]!.text);
    expect(chosen.at(-1)).toBe(units[15]!.text);
    expect(await excerpts(units, 1e6)).toHaveLength(20);
  });
});
