import { ModelError } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import { Tokenizer } from '@mdiff/text/tokenizer';

/** The tokenizer of a folder. Throws {@link ModelError} for one that does not fit the model. */
export function readTokenizer({ path, tokenizer: json, config }: Pick<ModelFolder, 'path' | 'tokenizer' | 'config'>): Tokenizer {
  try {
    const tokenizer = Tokenizer.fromJson(json);
    if (tokenizer.vocabSize <= config.vocab_size) return tokenizer;
    throw new Error(
      `tokenizer.json: expected at most ${config.vocab_size} ids (vocab_size in config.json), got ${tokenizer.vocabSize}; export the model again`,
    );
  } catch (error) {
    throw new ModelError(`${path}: ${(error as Error).message}`);
  }
}
