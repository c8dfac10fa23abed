import { ModelError } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import { Tokenizer } from '@mdiff/text/tokenizer';
import { turn } from './turn.js';

/** Models of one base have one tokenizer, and making it takes some 100 ms: they share it, also one that is loaded again. A new one is made in slices. */
let recent: { json: string; tokenizer: WeakRef<Tokenizer> }[] = [];
/** Those that are being made, by their text. */
const making = new Map<string, Promise<Tokenizer>>();

async function tokenizerOf(json: string): Promise<Tokenizer> {
  recent = recent.filter(({ tokenizer }) => tokenizer.deref() !== undefined);
  const shared = recent.find((one) => one.json === json)?.tokenizer.deref() ?? making.get(json);
  if (shared) return shared;
  const made = Tokenizer.fromJsonInSlices(json, turn);
  making.set(json, made);
  try {
    const tokenizer = await made;
    recent.push({ json, tokenizer: new WeakRef(tokenizer) });
    return tokenizer;
  } finally {
    making.delete(json);
  }
}

/** The tokenizer of a folder. Throws {@link ModelError} for one that does not fit the model. */
export async function readTokenizer({
  path,
  tokenizer: json,
  config,
}: Pick<ModelFolder, 'path' | 'tokenizer' | 'config'>): Promise<Tokenizer> {
  try {
    const tokenizer = await tokenizerOf(json);
    if (tokenizer.vocabSize <= config.vocab_size) return tokenizer;
    throw new Error(
      `tokenizer.json: expected at most ${config.vocab_size} ids (vocab_size in config.json), got ${tokenizer.vocabSize}; export the model again`,
    );
  } catch (error) {
    throw new ModelError(`${path}: ${(error as Error).message}`);
  }
}
