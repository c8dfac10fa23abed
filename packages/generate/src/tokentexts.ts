// The text of every token. Tables over a vocabulary are made from it; decoding 16,000 tokens takes some 30 ms, which a server spreads over turns.
import type { Tokenizer } from '@mdiff/text';
import { turn } from './turn.js';

const known = new WeakMap<Tokenizer, readonly string[]>();

/** By id; a reserved one has no text. */
export function tokenTexts(tokenizer: Tokenizer): readonly string[] {
  let texts = known.get(tokenizer);
  if (!texts) {
    texts = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.decode([id]));
    known.set(tokenizer, texts);
  }
  return texts;
}

/** Tokens that are decoded before others have their turn: about 1 ms. */
const SLICE = 512;

/** As `tokenTexts`, without holding the event loop up. */
export async function readTokenTexts(tokenizer: Tokenizer): Promise<void> {
  const texts: string[] = [];
  while (texts.length < tokenizer.vocabSize) {
    const end = Math.min(tokenizer.vocabSize, texts.length + SLICE);
    for (let id = texts.length; id < end; id++) texts.push(tokenizer.decode([id]));
    await turn();
  }
  if (!known.has(tokenizer)) known.set(tokenizer, texts);
}
