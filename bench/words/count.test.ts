import { expect, it } from 'vitest';
import { countWords, wordsOf } from './count.js';

it('finds words that are none and words that stand twice', () => {
  const known = new Set(wordsOf('The heads of the land had had a rest'));
  const { unknown, doubled, words, distinct2 } = countWords(
    [
      { text: 'Theheads of the the land.', finish: 'stop' },
      { text: 'The lan', finish: 'length' },
    ],
    known,
  );
  expect({ unknown, doubled, words }).toEqual({ unknown: ['theheads'], doubled: ['the'], words: 6 });
  expect(distinct2).toBe(1);
});
