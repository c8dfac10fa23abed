import type { DataConfig } from '@mdiff/config';
import { syllable } from 'syllable';

import { wordsOf } from '../sentence.js';

export type Metric = DataConfig['readability_metrics'][number];

/** Raise it when the same text gives other values. */
export const READABILITY_VERSION = 1;

/** The inputs of the formulas, one number per sentence. */
export interface Counts {
  words: Float64Array;
  letters: Float64Array;
  /** letters and digits */
  characters: Float64Array;
  syllables: Float64Array;
}

interface Sentence {
  words: number;
  letters: number;
  characters: number;
  syllables: number;
}

/** Each formula on one sentence; high is hard. */
const formulas: Record<Metric, (counts: Sentence) => number> = {
  /** Flesch (1948), reading ease; negated, since high means easy. */
  flesch: ({ words, syllables }) => -(206.835 - 1.015 * words - (84.6 * syllables) / words),
  /** Coleman & Liau (1975): letters and sentences per hundred words. */
  coleman_liau: ({ words, letters }) => (0.0588 * 100 * letters) / words - (0.296 * 100) / words - 15.8,
  /** Smith & Senter (1967), automated readability index. */
  automated_readability: ({ words, characters }) => (4.71 * characters) / words + 0.5 * words - 21.43,
};

// Bounds the memory; a book has some twenty thousand different words.
const CACHED_WORDS = 200_000;

/** Counts in each sentence; every sentence has at least one word. */
export function countsOf(sentences: readonly string[]): Counts {
  const n = sentences.length;
  const counts: Counts = {
    words: new Float64Array(n),
    letters: new Float64Array(n),
    characters: new Float64Array(n),
    syllables: new Float64Array(n),
  };
  // The same few thousand words come again and again.
  const cache = new Map<string, Omit<Sentence, 'words'>>();
  sentences.forEach((sentence, i) => {
    const words = wordsOf(sentence);
    counts.words[i] = words.length;
    for (const word of words) {
      let count = cache.get(word);
      if (!count) {
        count = {
          letters: word.match(/\p{L}/gu)?.length ?? 0,
          characters: word.match(/[\p{L}\p{N}]/gu)?.length ?? 0,
          syllables: Math.max(1, syllable(word)),
        };
        if (cache.size < CACHED_WORDS) cache.set(word, count);
      }
      counts.letters[i]! += count.letters;
      counts.characters[i]! += count.characters;
      counts.syllables[i]! += count.syllables;
    }
  });
  return counts;
}

/** One number per sentence; high is hard. */
export function readability(metric: Metric, { words, letters, characters, syllables }: Counts): Float32Array {
  const formula = formulas[metric];
  return Float32Array.from(words, (count, i) =>
    formula({ words: count, letters: letters[i]!, characters: characters[i]!, syllables: syllables[i]! }),
  );
}
