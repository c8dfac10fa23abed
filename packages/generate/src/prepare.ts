// What a server does before the first request, so that no request holds its event loop up.
import { spaceTokens, wordPieces } from './canvas.js';
import type { Model } from './model.js';
import { tokensByText } from './rules.js';
import { readTokenTexts } from './tokentexts.js';
import { turn } from './turn.js';

/** Makes the tables over the vocabulary that the first calls would make, a few milliseconds at a time. */
export async function prepare({ tokenizer }: Pick<Model, 'tokenizer'>): Promise<void> {
  await readTokenTexts(tokenizer);
  for (const make of [spaceTokens, wordPieces, tokensByText]) {
    make(tokenizer);
    await turn();
  }
}
