import { stream } from '@mdiff/diffusion';

import { sample } from './sample.js';

/** Raise when the same text and settings give other values: cached ones are then made anew. */
export const LEXICAL_VERSION = 1;

/**
 * Mean inverse document frequency of each sentence's words, ln((1 + N) / (1 + df)): how rare its words are. df counts the sentences that hold a word, in a
 * seeded sample of N.
 *
 * @param sentences the words of each scored sentence
 * @param corpus the words of every sentence the sample is drawn from
 */
export function lexicalRarity(sentences: readonly (readonly string[])[], corpus: readonly (readonly string[])[], { size, seed }: { size: number; seed: number }): Float32Array {
  const picked = sample(corpus.length, size, stream(seed, 'idf'));
  const df = new Map<string, number>();
  for (const i of picked) for (const word of new Set(corpus[i])) df.set(word, (df.get(word) ?? 0) + 1);
  const idf = (word: string): number => Math.log((1 + picked.length) / (1 + (df.get(word) ?? 0)));
  return Float32Array.from(sentences, (words) => words.reduce((sum, word) => sum + idf(word), 0) / Math.max(1, words.length));
}
