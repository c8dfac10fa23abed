import { parseGaps } from '@mdiff/generate';
import { describe, expect, it, test } from 'vitest';
import { gapsOf, partsOf, placedParts, refillParts, wholeWords } from './gaps.js';

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

describe('words in their place', () => {
  it('stand so many tokens behind the text, or behind one another', () => {
    const placed = [
      { after: 8, words: 'the whale' },
      { after: 4, words: 'sank' },
    ];
    expect(placedParts('Call me', placed, 20)).toEqual(['Call me', { gap: 8 }, ' the whale', { gap: 4 }, ' sank', { gap: 8 }]);
  });

  it('without tokens between, they join the text', () => {
    expect(placedParts('Call me', [{ after: 0, words: ' Ahab ' }], 3)).toEqual(['Call me Ahab', { gap: 3 }]);
    expect(placedParts('', [{ after: 0, words: 'Ahab' }], 3)).toEqual(['Ahab', { gap: 3 }]);
  });

  it('empty ones count for nothing, and beyond the length nothing is added', () => {
    expect(placedParts('a', [{ after: 5, words: ' ' }], 3)).toEqual(['a', { gap: 3 }]);
    expect(placedParts('a', [{ after: 5, words: 'b' }], 3)).toEqual(['a', { gap: 5 }, ' b']);
  });
});
