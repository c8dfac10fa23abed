import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { encode as encodeGpt2 } from 'gpt-tokenizer/encoding/r50k_base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TextError } from '../error.js';
import { parsePlain } from '../read/plain.js';
import { BYTE_CHARS } from './bytes.js';
import { compressGpt2, gpt2Merges } from './gpt2.js';
import { MIN_VOCAB, SPECIAL_TOKENS, Tokenizer } from './tokenizer.js';

const book = (name: string) =>
  parsePlain(readFileSync(new URL(`../../fixtures/${name}.txt`, import.meta.url), 'utf8'), name).document.sections.flatMap(
    ({ paragraphs }) => paragraphs.map(({ text }) => text),
  );
const train = [...book('frankenstein'), ...book('pride')];
const unseen = book('sherlock');
const merges = await gpt2Merges();
const { tokenizer } = await compressGpt2(train, { vocabSize: 1200 });

interface Native {
  encode(text: string): Promise<{ getIds(): number[] }>;
  decode(ids: number[], skipSpecial: boolean): Promise<string>;
}
const { Tokenizer: NativeTokenizer } = createRequire(import.meta.url)('tokenizers') as { Tokenizer: { fromString(json: string): Native } };

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."aT 0\n\t\r's’—é漢😀\u0085\u00a0\ufeff\u2028\u3000[]", "'ll", '[MASK]', '<|endoftext|>', ' the', ' whale'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 40,
});

/** Tokens of a vocabulary with the ids they have there. */
const tokensOf = (of: Tokenizer) => Object.entries(of.toJson().model.vocab).filter(([, id]) => id >= SPECIAL_TOKENS.length);

describe('gpt2Merges', () => {
  it('are those of GPT-2: uncut, they give the ids of gpt-tokenizer, after the reserved ones', () => {
    const full = Tokenizer.fromMerges(merges);
    for (const text of [...train, ...unseen, 'naïve café 漢字 😀👩‍👩‍👧 ½²Ⅷ 1851', '    return x;\n\n\tdone']) {
      expect([...full.encode(text)].map((id) => id - SPECIAL_TOKENS.length)).toEqual(encodeGpt2(text));
    }
  });
});

describe('compressGpt2', () => {
  it('has the size asked for, dense ids, all bytes, and merges of GPT-2 in the order of GPT-2', () => {
    expect(tokenizer.vocabSize).toBe(1200);
    const { vocab, merges: kept } = tokenizer.toJson().model;
    expect(Object.values(vocab).sort((a, b) => a - b)).toEqual(Array.from({ length: 1200 }, (_, id) => id));
    expect(BYTE_CHARS.filter((char) => !Object.hasOwn(vocab, char))).toEqual([]);
    const rank = new Map(merges.map((merge, i) => [merge.join(' '), i]));
    const ranks = kept.map((merge) => rank.get((merge as string[]).join(' '))!);
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });

  it('keeps the merge ancestors of every kept token, so that each can be reached', () => {
    for (const [token, id] of tokensOf(tokenizer)) {
      const text = tokenizer.decode([id]);
      if (text.includes('\uFFFD')) continue; // part of a character: no text is this token alone
      expect([...tokenizer.encode(text)], token).toEqual([id]);
    }
  });

  it('keeps the tokens that the text uses most: no token left out occurs more often than the rarest kept one is used', () => {
    const full = Tokenizer.fromMerges(merges);
    const names = new Map(tokensOf(full).map(([token, id]) => [id, token]));
    const counts = new Map<string, number>();
    for (const text of train) for (const id of full.encode(text)) counts.set(names.get(id)!, (counts.get(names.get(id)!) ?? 0) + 1);
    const kept = tokenizer.toJson().model.vocab;
    const left = Math.max(...[...counts].filter(([token]) => !Object.hasOwn(kept, token)).map(([, count]) => count));
    // A kept token is used when the kept merges make it, alone or on the way to another: at most as often as it occurs in the text.
    const spelt = tokensOf(tokenizer)
      .slice(256)
      .map(([, id]) => tokenizer.decode([id]))
      .filter((token) => !token.includes('\uFFFD'));
    const rarest = Math.min(...spelt.map((token) => train.join('\n').split(token).length - 1));
    expect(left).toBeLessThanOrEqual(rarest);
    expect(left).toBeGreaterThan(0);
  });

  it('codes text it kept every token of as GPT-2 does, and unseen words in smaller pieces', async () => {
    const { tokenizer: all, reached, clamped } = await compressGpt2(train, { vocabSize: 25_000 });
    expect(clamped).toBe(true);
    expect(reached).toBe(all.vocabSize);
    for (const text of train) expect(all.encode(text).length).toBe(encodeGpt2(text).length);
    const word = ' antidisestablishmentarianism';
    const ids = all.encode(word);
    expect(ids.length).toBeGreaterThan(encodeGpt2(word).length);
    expect(all.decode(ids)).toBe(word);
  });

  it('gives back any well-formed string, in the ids of the native Hugging Face tokenizers, and never a reserved one', async () => {
    const native = NativeTokenizer.fromString(JSON.stringify(tokenizer.toJson()));
    const check = async (text: string) => {
      const ids = [...tokenizer.encode(text)];
      expect(ids).toEqual((await native.encode(text)).getIds());
      expect(ids.filter((id) => id < SPECIAL_TOKENS.length)).toEqual([]);
      expect(tokenizer.decode(ids)).toBe(text);
    };
    for (const text of unseen) await check(text);
    await fc.assert(fc.asyncProperty(anyText, check), { numRuns: 1000 });
  });

  it('gives the same for the same text, and a smaller one is part of a larger', async () => {
    const [again, small] = await Promise.all([compressGpt2(train, { vocabSize: 1200 }), compressGpt2(train, { vocabSize: 700 })]);
    expect(again.tokenizer.toJson()).toEqual(tokenizer.toJson());
    expect(again).toMatchObject({ reached: 1200, clamped: false });
    const { vocab } = tokenizer.toJson().model;
    expect(tokensOf(small.tokenizer).filter(([token]) => !Object.hasOwn(vocab, token))).toEqual([]);
    expect((await compressGpt2(train, { vocabSize: MIN_VOCAB })).tokenizer.toJson().model.merges).toEqual([]);
  });

  it('refuses sizes below the bytes, and nothing to learn from', async () => {
    await expect(compressGpt2(train, { vocabSize: 260 })).rejects.toThrow('expected vocabSize >= 261');
    await expect(compressGpt2(['', ' \n'], { vocabSize: 300 })).rejects.toThrow(TextError);
  });
});
