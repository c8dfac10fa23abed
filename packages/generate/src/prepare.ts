// What a server does before the first request, so that no request holds its event loop up.
import { mustBe } from '@mdiff/arguments';
import type { Tokenizer } from '@mdiff/text/tokenizer';
import { spaceTokens, wordPieces } from './canvas.js';
import { cutUnits } from './evaluate.js';
import type { Model } from './model.js';
import { tokensByText } from './rules.js';
import { readTokenizer } from './tokenizer.js';
import { readTokenTexts } from './tokentexts.js';
import { turn } from './turn.js';

type Files = Parameters<typeof readTokenizer>[0];

/**
 * Does what would hold the event loop up for more than 20 ms, before a server listens: makes the tokenizers of its folders, for `loadFolder`, and loads the
 * code that cuts sentences. Throws {@link ModelError}.
 */
export async function prepareFolders(folders: readonly Files[]): Promise<readonly Tokenizer[]> {
  mustBe('prepareFolders', 'folders', folders, 'list');
  await cutUnits('One. Two.', { encode: (text) => new Int32Array(text.length) }, 8);
  const tokenizers: Tokenizer[] = [];
  for (const folder of folders) tokenizers.push(await readTokenizer(folder));
  return tokenizers;
}

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
