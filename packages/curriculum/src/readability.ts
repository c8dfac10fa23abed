import type { DataConfig } from '@mdiff/config';
import { syllable } from 'syllable';

export type Metric = DataConfig['readability_metrics'][number];

/** Raise when the same text gives other values. */
export const READABILITY_VERSION = 1;

interface Counts {
  words: number;
  letters: number;
  characters: number;
  syllables(): number;
}

/** Each formula on one sentence; high is hard. */
const formulas: Record<Metric, (counts: Counts) => number> = {
  /** Flesch (1948), reading ease; negated, since high means easy. */
  flesch: ({ words, syllables }) => -(206.835 - 1.015 * words - (84.6 * syllables()) / words),
  /** Coleman & Liau (1975): letters and sentences per hundred words. */
  coleman_liau: ({ words, letters }) => (0.0588 * 100 * letters) / words - (0.296 * 100) / words - 15.8,
  /** Smith & Senter (1967), automated readability index. */
  automated_readability: ({ words, characters }) => (4.71 * characters) / words + 0.5 * words - 21.43,
};

/** One number per sentence; high is hard. `words` are those of `wordsOf`, at least one a sentence. */
export function readability(metric: Metric, words: readonly (readonly string[])[]): Float32Array {
  return Float32Array.from(words, (own) => {
    const text = own.join('');
    return formulas[metric]({
      words: own.length,
      letters: text.match(/\p{L}/gu)?.length ?? 0,
      characters: text.match(/[\p{L}\p{N}]/gu)?.length ?? 0,
      syllables: () => own.reduce((sum, word) => sum + Math.max(1, syllable(word)), 0),
    });
  });
}
