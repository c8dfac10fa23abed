import { afterAll, describe, expect, it } from 'vitest';
import { draft } from './draft.js';
import { fixture } from './fixture.test.util.js';
import { generate, type GenerateOptions } from './generate.js';
import { infill } from './infill.js';
import { loadModel } from './load.js';
import { rewrite } from './rewrite.js';
import { wordsIn } from './rules.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

const words = (text: string): string[] => text.match(/[\p{L}\ufffd]+/gu) ?? [];
const tokens = (text: string): string[] => [...shifted.tokenizer.encode(text)].map((id) => shifted.tokenizer.decode([id]));
const inOrder = { blockLength: 1, n: 8, seed: 1 } as const;

describe('wordsAt', () => {
  it('puts words at tokens of the new text, and the model sees them from the first step on', async () => {
    const { texts } = await generate(shifted, { prompt: 'The', maxTokens: 6, wordsAt: { 3: 'Ishmael', 5: '.' }, n: 8, seed: 1 });
    for (const { completion, tokens: count } of texts) {
      expect(tokens(completion).slice(3, 6)).toEqual([' Ishmael', tokens(completion)[4], '.']);
      expect(count).toBe(6);
    }
    // The table of the fixture has " me" in front of " Ishmael" alone.
    const before = (all: typeof texts) => all.filter(({ completion }) => tokens(completion)[2] === ' me').length;
    const free = await generate(shifted, { prompt: 'The', maxTokens: 6, n: 8, seed: 1 });
    expect(before(texts)).toBeGreaterThan(before(free.texts));
  });

  it('takes ids, words of several tokens, the first place, and a place before a suffix', async () => {
    const id = shifted.tokenizer.encode(' swam')[0]!;
    const { texts } = await generate(shifted, { maxTokens: 12, wordsAt: { 0: 'naïve', 8: id }, seed: 2, n: 4 });
    for (const { text } of texts) {
      expect(words(text)[0]).toBe('naïve');
      expect(tokens(text)[8]).toBe(' swam');
    }
    const bridged = await generate(shifted, { prompt: 'The', suffix: ' to the sea.', wordsAt: { 1: 'swam' }, seed: 2, n: 4 });
    for (const { completion } of bridged.texts) expect(tokens(completion)[1]).toBe(' swam');
  });

  it('holds in a text of several sections, and no text ends before the last word', async () => {
    const { texts } = await generate(shifted, { maxTokens: 60, wordsAt: { 50: 'Ishmael' }, seed: 3, n: 4 });
    for (const { text } of texts) expect(tokens(text)[50]).toBe(' Ishmael');
  });

  it.each<[GenerateOptions, string]>([
    [
      { wordsAt: { 2: 'naïve', 4: 'sea' } },
      'wordsAt: "naïve" and "sea" both need token 4, because a word may have several tokens; move one of them',
    ],
    [{ wordsAt: { 40: 'sea' }, maxTokens: 8 }, 'wordsAt: the last word ends at token 41, and the new text has at most 8'],
    [{ wordsAt: { '-1': 'sea' } }, 'wordsAt: expected positions >= 0 (tokens of the new text), got "-1"'],
    [{ wordsAt: { 1: '' } }, 'wordsAt: expected a word or a token id, got ""'],
    [{ wordsAt: { 1: 3 } }, 'wordsAt: expected a word, or a token id from 0 to 299 that is not reserved, got 3'],
    [{ prompt: 'The ', wordsAt: { 0: '.' } }, 'wordsAt: the prompt ends in a space'],
    [{ wordsAt: { 1: 'sea' }, forbiddenWords: ['Sea'] }, 'wordsAt: "sea" is also one of forbiddenWords; leave it out of one'],
    [{ wordsAt: { 1: 'sea' }, allowedWords: ['whale'] }, 'wordsAt: "sea" is not one of allowedWords; add it'],
    [{ allowedWords: ['whale', 'Sea'], forbiddenWords: ['sea'] }, 'forbiddenWords: "Sea" is also one of allowedWords; leave it out of one'],
    [{ allowedWords: [] }, 'allowedWords: expected a list of at least one word, got []'],
    [{ forbiddenWords: [' '] }, 'forbiddenWords: expected a list of at least one word, got [" "]'],
    [
      { allowedWords: ['harpoon'] },
      'allowedWords: "harpoon" has several tokens, and sampler "confidence" writes them in any order; set blockLength to 1',
    ],
    [{ minTokens: 9, maxTokens: 8 }, 'minTokens: expected an integer <= 8, the most new tokens here, got 9'],
    [{ minTokens: -1 }, 'minTokens: expected an integer >= 0, got -1'],
  ])('%j is refused', async (options, message) => {
    await expect(generate(shifted, { sampler: 'confidence', ...options })).rejects.toThrow(message);
  });
});

describe('minTokens', () => {
  it('is the least number of new tokens, whatever the prompt has', async () => {
    const { texts } = await generate(shifted, { prompt: 'The whale swam', minTokens: 10, maxTokens: 40, n: 8, seed: 1 });
    for (const { tokens: count } of texts) expect(count).toBeGreaterThanOrEqual(10);
    const bridged = await generate(shifted, { prompt: 'The', suffix: '.', minTokens: 6, n: 2, seed: 1 });
    for (const { tokens: count } of bridged.texts) expect(count).toBeGreaterThanOrEqual(6);
  });
});

describe('forbiddenWords', () => {
  it.each(['confidence', 'first_hitting', 'ancestral'] as const)('are not written: %s', async (sampler) => {
    const options = { maxTokens: 20, n: 8, seed: 1, sampler, temperature: 3 };
    const count = async (more: object) =>
      (await generate(shifted, { ...options, ...more })).texts
        .flatMap(({ text }) => words(text))
        .filter((word) => ['whale', 'the', 'The'].includes(word)).length;
    expect(await count({})).toBeGreaterThan(3);
    expect(await count({ forbiddenWords: ['Whale', 'the'] })).toBe(0);
  });

  it('are not written in a gap, nor instead of a word', async () => {
    const filled = await infill(shifted, ['The', { gap: [1, 3] }, ' swam.'], { n: 4, seed: 1, forbiddenWords: ['whale'] });
    for (const { fills } of filled.texts) expect(words(fills[0]!)).not.toContain('whale');
    const { texts } = await rewrite(shifted, 'The whale swam.', { words: ['whale'], forbiddenWords: ['whale'], n: 4, seed: 1 });
    for (const { text } of texts) expect(words(text)).not.toContain('whale');
  });
});

describe('allowedWords', () => {
  it('are the only words', async () => {
    const { texts } = await generate(shifted, { maxTokens: 20, temperature: 2, n: 8, seed: 1, allowedWords: ['the', 'whale', 'swam'] });
    for (const { text } of texts) expect(words(text).filter((word) => !['The', 'the', 'THE', 'whale', 'swam'].includes(word))).toEqual([]);
  });

  it('may have several tokens where the text is written from left to right', async () => {
    const { texts } = await generate(shifted, {
      ...inOrder,
      maxTokens: 24,
      temperature: 3,
      sampler: 'first_hitting',
      allowedWords: ['harpoon', 'sea'],
    });
    const cut = texts.map(({ text, finish }) => (finish === 'length' ? text.replace(/\s?[\p{L}\ufffd]+$/u, '') : text));
    for (const word of cut.flatMap(words)) expect(word).toMatch(/^(harpoon|sea)$/i);
    expect(cut.flatMap(words).some((word) => /^harpoon$/i.test(word))).toBe(true);
  });
});

it('the words of a text are those that a tokenizer sees', () => {
  expect(wordsIn("Don't say 'tis in 1851; don't—the whale's sea.")).toEqual([
    ...['Don', "'t", 'say', 'tis', 'in', '1851', 'don', 'the', 'whale', "'s", 'sea'],
  ]);
});

it('draft says which rule its second pass cannot keep before it writes', async () => {
  await expect(draft(shifted, { allowedWords: ['harpoon'], sampler: 'confidence' })).rejects.toThrow(
    'allowedWords: "harpoon" has several tokens',
  );
});
