import { parseGaps } from '@mdiff/generate';
import { describe, expect, it, test } from 'vitest';
import { gapsOf, partsOf, refillParts, wholeWords } from './gaps.js';

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
