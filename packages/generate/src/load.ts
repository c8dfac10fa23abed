// Opens a model folder with Node. The rest of the package runs in a browser too.
import { ModelError } from '@mdiff/folder';
import { readFolder, type ModelFolder } from '@mdiff/folder/node';
import { Tokenizer } from '@mdiff/text';
import { openModel, type Model } from './model.js';
import { nodeSession } from './runtime/node.js';
import type { SessionOptions } from './runtime/session.js';

export interface LoadOptions extends SessionOptions {
  /** Compare the sha256 of every file with the manifest (sizes are always compared). Default true. */
  readonly verify?: boolean;
}

/** Opens a model folder (contract in docs/architecture.md) and starts its inference thread. Throws {@link ModelError}. */
export async function loadModel(folder: string, { verify = true, ...session }: LoadOptions = {}): Promise<Model> {
  return loadFolder(await readFolder(folder, { verify }), session);
}

/** Starts the inference thread of a folder that `readFolder` of @mdiff/folder has read. Throws {@link ModelError}. */
export async function loadFolder(files: ModelFolder, session: SessionOptions = {}): Promise<Model> {
  const tokenizer = readTokenizer(files);
  return openModel(files, tokenizer, await nodeSession(files, session));
}

function readTokenizer({ path, tokenizer: json, config }: ModelFolder): Tokenizer {
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
