import { parseGaps } from '@mdiff/generate';
import { describe, expect, it, test } from 'vitest';
import { gapsOf, partsOf, refillParts, rewriteParts, wholeWords } from './gaps.js';

test.each([
  'Call me ___.',
  '___ at first',
  'two ___ and _____ here',
  'eight ___:8 and ___{8}, two to five ___{2,5}',
  'minutes stay: ___:30',
  'thousands ___:1000 of them',
  'no count ___{x}',
  '______',
])('reads the gaps of "%s" as `mdiff infill` does', (text) => {
  expect(partsOf(text)).toEqual(parseGaps(text));
});

it('says where gaps stand', () => {
  expect(gapsOf('a ___{2,5} b')).toEqual([{ start: 2, end: 10, gap: [2, 5] }]);
  expect(gapsOf('a __ b')).toEqual([]);
});

describe('words that a selection touches', () => {
  const text = 'The captain’s old ship.';
  test.each<[string, number, number, string | null]>([
    ['a part of a word', 6, 8, 'captain’s'],
    ['the caret in a word', 15, 15, 'old'],
    ['the caret behind a word', 17, 17, 'old'],
    ['blanks at both ends', 3, 14, 'captain’s'],
    ['the end of one and the beginning of another', 15, 20, 'old ship'],
    ['blanks alone', 3, 4, null],
  ])('%s', (_, start, end, expected) => {
    const words = wholeWords(text, start, end);
    expect(words && text.slice(words.start, words.end)).toBe(expected);
  });

  it('there are none in an empty text, or between two blanks', () => {
    expect(wholeWords('', 0, 0)).toBeNull();
    expect(wholeWords('a  b', 2, 2)).toBeNull();
  });
});

it('refills words with up to twice as many, and the gaps beside them', () => {
  expect(refillParts('The old ship ___.', { start: 4, end: 7 })).toEqual(['The ', { gap: [1, 3] }, ' ship ', { gap: [1, 12] }, '.']);
});

describe('a share of the words', () => {
  const text = 'Call me Ishmael, some years ago — never mind how long precisely.';
  const kept = (share: number, seed: number) => rewriteParts(text, { share, seed }).filter((part) => typeof part === 'string');
  const words = (parts: readonly (string | object)[]): number =>
    parts.reduce((sum: number, part) => sum + (typeof part === 'object' && 'gap' in part ? (part.gap as [number, number])[0] : 0), 0);

  it('becomes gaps, as many words as asked and at least one; all else stays', () => {
    for (const seed of [1, 2, 3])
      for (const share of [0, 0.1, 0.2, 0.5, 1])
        expect(words(rewriteParts(text, { share, seed })), `${share} ${seed}`).toBe(Math.max(1, Math.round(11 * share)));
    for (const part of kept(0.3, 7)) expect(text).toContain(part);
    expect(kept(1, 1).join('|')).toBe(', | — |.');
  });

  it('is chosen by the seed alone', () => {
    expect(rewriteParts(text, { share: 0.2, seed: 5 })).toEqual(rewriteParts(text, { share: 0.2, seed: 5 }));
    const chosen = new Set(Array.from({ length: 20 }, (_, seed) => JSON.stringify(rewriteParts(text, { share: 0.2, seed }))));
    expect(chosen.size).toBeGreaterThan(10);
  });

  it('leaves the gaps of the text as they are', () => {
    expect(rewriteParts('a ___{2,5} b', { share: 0, seed: 1 })).toContainEqual({ gap: [2, 5] });
  });
});
