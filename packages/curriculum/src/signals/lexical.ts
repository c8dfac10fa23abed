import { stream } from '@mdiff/diffusion';

import { wordsOf } from '../sentence.js';
import { sample } from './sample.js';

/** Raise it when the same text and settings give other values; cached values are then made anew. */
export const LEXICAL_VERSION = 2;

/**
 * Rarity of the words of each sentence: their mean inverse document frequency, ln((1 + N) / (1 + df)). df counts the sentences that hold a word, in a
 * seeded sample of N.
 *
 * @param sentences the sentences to score
 * @param corpus the sentences from which the sample is drawn
 */
export function lexicalRarity(
  sentences: readonly string[],
  corpus: readonly string[],
  { size, seed }: { size: number; seed: number },
): Float32Array {
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
