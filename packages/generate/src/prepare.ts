// What a server does before the first request, so that no request holds its event loop up.
import { mustBe } from '@mdiff/arguments';
import { spaceTokens, wordPieces } from './canvas.js';
import type { Model } from './model.js';
import { tokensByText } from './rules.js';
import { readTokenTexts } from './tokentexts.js';
import { turn } from './turn.js';

/** Makes the tables over the vocabulary that the first calls would make, a few milliseconds at a time. */
export async function prepare(options: Pick<Model, 'tokenizer'>): Promise<void> {
  mustBe('prepare', 'options', options, 'object');
  const { tokenizer } = options;
  await readTokenTexts(tokenizer);
  for (const make of [spaceTokens, wordPieces, tokensByText]) {
    make(tokenizer);
    await turn();
  }
}
