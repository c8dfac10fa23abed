// Opens a model folder with Node. The rest of the package runs in a browser too.
import { readFolder, type ModelFolder } from '@mdiff/folder/node';
import type { Tokenizer } from '@mdiff/text/tokenizer';
import { openModel, type Model } from './model.js';
import { nodeSession } from './runtime/node.js';
import type { SessionOptions } from './runtime/session.js';
import { readTokenizer } from './tokenizer.js';

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
  // The thread loads the runtime and the graph while this one reads the tokenizer.
  const opening = nodeSession(files, session);
  let tokenizer: Tokenizer;
  try {
    tokenizer = readTokenizer(files);
  } catch (error) {
    await opening.then((opened) => opened.close()).catch(() => undefined);
    throw error;
  }
  return openModel(files, tokenizer, await opening);
}
