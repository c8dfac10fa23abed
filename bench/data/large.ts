import { closeSync, openSync, writeSync } from 'node:fs';
import { stream } from '@mdiff/diffusion';

// A text of any size with the statistics of a book: its sentences, in each of which some words are exchanged for words of other sentences.

const SENTENCES = 6;
const EXCHANGED = 0.2;

/** Writes at least `bytes` of paragraphs to `path`. Same sentences, size and seed: same file. */
export function writeLarge(path: string, sentences: readonly string[], bytes: number, seed: number): void {
  const rng = stream(seed, 'large');
  const words = sentences.flatMap((sentence) => sentence.match(/[a-z]{3,}/g) ?? []);
  const varied = (sentence: string): string =>
    sentence.replace(/\b[a-z]{3,}\b/g, (word) => (rng.next() < EXCHANGED ? words[rng.int(words.length)]! : word));
  const file = openSync(path, 'w');
  for (let written = 0; written < bytes;) {
    const paragraphs = Array.from({ length: 64 }, () =>
      Array.from({ length: SENTENCES }, () => varied(sentences[rng.int(sentences.length)]!)).join(' '),
    );
    written += writeSync(file, `${paragraphs.join('\n\n')}\n\n`);
  }
  closeSync(file);
}
