import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestRun, matchIndex, overlap } from './match.js';
import { bookStatistics, textStatistics } from './statistics.js';
import { FUNCTION_WORDS, distributionGap, functionWordGap, functionWordRates, sentenceLengths } from './style.js';
import { distinct, doubled, entropy, unknownWords, wordsOf } from './words.js';

describe('words', () => {
  it('are lower case, with their apostrophes and hyphens, without numbers and punctuation', () => {
    expect(wordsOf("“Don’t!” said Captain Ahab—the whale-ship's 3 masts; naïve, o'er.")).toEqual([
      "don't",
      'said',
      'captain',
      'ahab',
      'the',
      "whale-ship's",
      'masts',
      'naïve',
      "o'er",
    ]);
    expect(wordsOf(' … 1851 —')).toEqual([]);
  });

  it('count as repeated, doubled and unknown', () => {
    const words = wordsOf('the whale the whale of of the theheads sea-whale sea-heads');
    expect(distinct(words, 1)).toBe(6 / 10);
    expect(distinct(words, 2)).toBe(8 / 9);
    expect(distinct(['one'], 2)).toBeNaN();
    expect(doubled(words)).toBe(100);
    expect(doubled([])).toBeNaN();
    expect(unknownWords(words, new Set(['the', 'whale', 'sea']), new Set(['of']))).toEqual(['theheads', 'sea-heads']);
  });
});

describe('matchIndex', () => {
  const item = fc.integer({ min: 0, max: 3 });

  it('finds the longest run from each position, as trying every place does', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 40 }), fc.array(item, { maxLength: 20 }), (book, text) => {
        const brute = text.map((_, i) => {
          let best = 0;
          for (let b = 0; b < book.length; b++) {
            let n = 0;
            while (i + n < text.length && b + n < book.length && text[i + n] === book[b + n]) n++;
            best = Math.max(best, n);
          }
          return best;
        });
        expect([...matchIndex(book).matches(text)]).toEqual(brute);
      }),
    );
  });

  it('gives the longest run and the share of n-grams that the book has', () => {
    const matches = matchIndex(wordsOf('Call me Ishmael. Some years ago')).matches(wordsOf('They call me Ishmael some time ago'));
    expect([...matches]).toEqual([0, 4, 3, 2, 1, 0, 1]);
    expect(longestRun(matches)).toEqual({ start: 1, length: 4 });
    expect([overlap(matches, 1), overlap(matches, 2), overlap(matches, 8)]).toEqual([5 / 7, 3 / 6, NaN]);
    expect(longestRun(new Int32Array(0))).toEqual({ start: 0, length: 0 });
  });

  it('takes a book that repeats one word', () => {
    const book = new Array<string>(20_000).fill('never');
    expect(longestRun(matchIndex(book).matches(['never', 'never', 'more'])).length).toBe(2);
  });
});

describe('entropy', () => {
  it('is that of the words, each drawn alike', () => {
    expect(entropy(['a', 'a', 'b', 'b'])).toBe(1);
    expect(entropy(['a', 'a'])).toBe(0);
    expect(entropy([])).toBeNaN();
  });
});

describe('style', () => {
  it('measures sentences and function words', () => {
    expect(sentenceLengths(['Call me Ishmael. Some years ago!', '…', 'It is a way.'])).toEqual([3, 3, 4]);
    expect(distributionGap([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(distributionGap([1, 1], [2, 3])).toBe(1);
    expect(distributionGap([], [1])).toBeNaN();
    expect(FUNCTION_WORDS).toHaveLength(70);
    expect(functionWordRates(['the', 'whale', 'the', 'sea']).get('the')).toBe(500);
    expect(functionWordGap(['the', 'whale'], ['the', 'sea'])).toBe(0);
    expect(functionWordGap(['the'], ['upon'])).toBe(1);
    expect(functionWordGap(['the', 'sea'], ['upon', 'sea'])).toBeCloseTo(0.5, 12);
  });
});

describe('textStatistics', () => {
  const book = bookStatistics(['The whale swam to the sea. Call me Ishmael.', 'Some years ago I went to sea.']);

  it('of the book itself finds all of it verbatim', () => {
    const one = textStatistics(['The whale swam to the sea. Call me Ishmael.', 'Some years ago I went to sea.'], book);
    expect(one).toMatchObject({
      words: 16,
      verbatim: 9,
      overlap4: 1,
      overlap8: 1,
      inBook: 1,
      known: 1,
      unknown: [],
      doubled: 0,
      sentenceGap: 0,
      functionWordGap: 0,
    });
    expect(one.verbatimText).toBe('the whale swam to the sea call me ishmael');
    expect(one.sentenceLength).toBeCloseTo(16 / 3, 12);
  });

  it('keeps texts apart and knows the words of a corpus', () => {
    const two = textStatistics(['The whale swam', 'to the sea sailors ofland', ''], book, new Set(['sailors']));
    expect(two).toMatchObject({
      words: 8,
      verbatim: 3,
      inBook: 6 / 8,
      known: 7 / 8,
      unknown: ['ofland'],
      overlap4: 0,
      overlap8: NaN,
      distinct2: 1,
    });
  });

  it('has no shares without words', () => {
    expect(textStatistics([], book)).toMatchObject({ words: 0, verbatim: 0, verbatimText: '', known: NaN, doubled: NaN });
  });
});
