// Opens a model folder with Node. The rest of the package runs in a browser too.
import { mustBe, mustKnow } from '@mdiff/arguments';
import { FILES, ModelError } from '@mdiff/folder';
import { readFolder, type ModelFolder } from '@mdiff/folder/node';
import type { Tokenizer } from '@mdiff/text/tokenizer';
import { openModel, type Model } from './model.js';
import type { CacheKind } from './runtime/blockcache.js';
import { nodeSession } from './runtime/node.js';
import type { SessionOptions } from './runtime/session.js';
import { readTokenizer } from './tokenizer.js';

export interface LoadOptions extends SessionOptions {
  /** Compare the sha256 of every file with the manifest (sizes are always compared). Default true. */
  readonly verify?: boolean;
  /** int8: the graphs of the folder whose matrices are in 8 bits, which `mdiff export --int8` writes. Default float32. */
  readonly precision?: Precision;
  /**
   * dual: the passes of a block after its first one compute the block alone; prefix: the block and all that stands behind it. They need the graph that
   * `mdiff export --cache` writes, and change what is drawn, since the tokens that are not computed do not see those that the block gains. Default none,
   * which is exact.
   */
  readonly cache?: Cache;
}

const OPTIONS: Record<keyof LoadOptions, true> = { verify: true, precision: true, cache: true, threads: true };

/** The positions that a pass reads as they stood at the block's first pass (Fast-dLLM, arXiv 2505.22618): all around the block, or all in front of it. */
export type Cache = 'none' | CacheKind;

export type Precision = 'float32' | 'int8';

/** Opens a model folder (contract in docs/architecture.md) and starts its inference thread. Throws {@link ModelError}. */
export async function loadModel(folder: string, input: LoadOptions = {}): Promise<Model> {
  mustBe('loadModel', 'folder', folder, 'string');
  mustBe('loadModel', 'input', input, 'object');
  mustKnow('loadModel', input, OPTIONS);
  const { verify = true, ...options } = input;
  return loadFolder(await readFolder(folder, { verify }), options);
}

interface FolderOptions extends Omit<LoadOptions, 'verify'> {
  /** of the folder, where `prepareFolders` has made it */
  readonly tokenizer?: Tokenizer;
}

/** Starts the inference thread of a folder that `readFolder` of @mdiff/folder has read. Throws {@link ModelError}. */
export async function loadFolder(files: ModelFolder, options: FolderOptions = {}): Promise<Model> {
  mustBe('loadFolder', 'files', files, 'object');
  mustBe('loadFolder', 'options', options, 'object');
  const { precision = 'float32', cache = 'none', tokenizer: made, ...session } = options;
  // The thread loads the runtime and the graph while this one reads the tokenizer.
  const { config, tokenizer: json } = files;
  const causalGraph = precision === 'int8' ? files.quantizedCausalGraph : files.causalGraph;
  const graphs = {
    graph: graphOf(files, precision),
    ...(causalGraph !== undefined && { causalGraph }),
    ...(cache !== 'none' && { blockGraph: blockGraphOf(files, precision) }),
  };
  const opening = nodeSession({ config, tokenizer: json, ...graphs }, { ...session, ...(cache !== 'none' && { cache }) });
  opening.catch(() => undefined); // it may fail before the tokenizer is made; below it is waited for
  let tokenizer: Tokenizer;
  try {
    tokenizer = made ?? (await readTokenizer(files));
  } catch (error) {
    await opening.then((opened) => opened.close()).catch(() => undefined);
    throw error;
  }
  return openModel(files, tokenizer, await opening);
}

function blockGraphOf({ path, blockGraph, quantizedBlockGraph }: ModelFolder, precision: Precision): string {
  const found = precision === 'int8' ? quantizedBlockGraph : blockGraph;
  if (found !== undefined) return found;
  const [file, flags] = precision === 'int8' ? [FILES.quantizedBlock, '--cache --int8'] : [FILES.block, '--cache'];
  throw new ModelError(`${path}: this folder has no ${file}; write one with: mdiff export <its run> ${flags}`);
}

function graphOf({ path, graph, quantizedGraph }: ModelFolder, precision: Precision): string {
  if (precision === 'float32') return graph;
  if (quantizedGraph !== undefined) return quantizedGraph;
  throw new ModelError(`${path}: this folder has no ${FILES.quantized}; write one with: mdiff export <its run> --int8`);
}
