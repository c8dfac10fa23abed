// Figures of words, laid over the text that they belong to.
import type { WordScore } from './client.js';
import type { Reading } from './state.js';

/** A word's bits, as a probability that falls into one of the five bands: a model is seldom surer of a word than 1 in 8. */
export const expectedness = (nats: number): number => {
  const bits = nats / Math.LN2;
  return bits <= 3 ? 1 : bits <= 6 ? 0.5 : bits <= 9 ? 0.3 : bits <= 13 ? 0.1 : 0;
};

interface WordRange {
  readonly start: number;
  readonly end: number;
  readonly kind: 'mark';
  readonly confidence: number;
}

/** Where each word of the first model's figures stands. */
export function wordRanges(text: string, reading: Reading | null): WordRange[] {
  if (reading?.text !== text) return [];
  let from = 0;
  return (reading.scores[0]?.score.words ?? []).flatMap(({ text: word, nats }): WordRange[] => {
    const start = text.indexOf(word, from);
    if (start < 0) return [];
    from = start + word.length;
    return [{ start, end: from, kind: 'mark', confidence: expectedness(nats) }];
  });
}

/** The words that the model expected least, the strangest first. */
export const strangest = (words: readonly WordScore[], count: number): WordScore[] =>
  [...words].sort((a, b) => b.nats - a.nats).slice(0, count);
