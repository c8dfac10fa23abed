import { ModelError } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import { Tokenizer } from '@mdiff/text/tokenizer';

/** Models of one base have one tokenizer, and making it takes some 100 ms: they share it, also one that is loaded again. */
let recent: { json: string; tokenizer: WeakRef<Tokenizer> }[] = [];

function tokenizerOf(json: string): Tokenizer {
  recent = recent.filter(({ tokenizer }) => tokenizer.deref() !== undefined);
  const shared = recent.find((one) => one.json === json)?.tokenizer.deref();
  if (shared) return shared;
  const tokenizer = Tokenizer.fromJson(json);
  recent.push({ json, tokenizer: new WeakRef(tokenizer) });
  return tokenizer;
}

/** The tokenizer of a folder. Throws {@link ModelError} for one that does not fit the model. */
export function readTokenizer({ path, tokenizer: json, config }: Pick<ModelFolder, 'path' | 'tokenizer' | 'config'>): Tokenizer {
  try {
    const tokenizer = tokenizerOf(json);
    if (tokenizer.vocabSize <= config.vocab_size) return tokenizer;
    throw new Error(
      `tokenizer.json: expected at most ${config.vocab_size} ids (vocab_size in config.json), got ${tokenizer.vocabSize}; export the model again`,
    );
  } catch (error) {
    throw new ModelError(`${path}: ${(error as Error).message}`);
  }
}
