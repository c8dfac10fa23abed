import { stream } from '@mdiff/diffusion';

import { sample } from '../sample.js';
import { wordsOf } from '../sentence.js';

/** Raise when the same text and settings give other values: cached ones are then made anew. */
export const LEXICAL_VERSION = 1;

/**
 * Mean inverse document frequency of each sentence's words, ln((1 + N) / (1 + df)): how rare its words are. df counts the sentences that hold a word, in a
 * seeded sample of N.
 *
 * @param sentences those to score
 * @param corpus the sentences that the sample is drawn from
 */
export function lexicalRarity(sentences: readonly string[], corpus: readonly string[], { size, seed }: { size: number; seed: number }): Float32Array {
  const picked = sample(corpus.length, size, stream(seed, 'idf'));
  const df = new Map<string, number>();
  for (const i of picked) for (const word of new Set(wordsOf(corpus[i]!))) df.set(word, (df.get(word) ?? 0) + 1);
  const unseen = Math.log(1 + picked.length);
  const idf = new Map([...df].map(([word, count]) => [word, Math.log((1 + picked.length) / (1 + count))]));
  const rarity = new Float32Array(sentences.length);
  sentences.forEach((sentence, i) => {
    const words = wordsOf(sentence);
    let sum = 0;
    for (const word of words) sum += idf.get(word) ?? unseen;
    rarity[i] = sum / Math.max(1, words.length);
  });
  return rarity;
}
