import { expect, it } from 'vitest';
import type { WordScore } from './client.js';
import { expectedness, strangest, wordRanges } from './words.js';

const words: WordScore[] = [
  { text: 'the', nats: 1 },
  { text: 'whale', nats: 9 },
  { text: 'the', nats: 12 },
];

it('lays the figures of words over the text, each where it stands', () => {
  const text = 'the whale, the';
  const scores = [{ model: 'm', score: { tokens: 3, bits_per_byte: 2, bits_per_byte_error: null, words } }];
  const ranges = wordRanges(text, { text, scores, busy: false });
  expect(ranges.map(({ start, end }) => [start, end])).toEqual([
    [0, 3],
    [4, 9],
    [11, 14],
  ]);
  expect(wordRanges('another text', { text, scores, busy: false })).toEqual([]);
  expect(wordRanges(text, null)).toEqual([]);
});

it('the less likely a word, the lower it ranks', () => {
  expect(words.map(({ nats }) => expectedness(nats))).toEqual([1, 0.1, 0]);
  expect(strangest(words, 2).map(({ nats }) => nats)).toEqual([12, 9]);
});
