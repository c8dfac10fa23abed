// Opens a model folder in a browser: from an address or from files in memory.
import { mustBe } from '@mdiff/arguments';
import { FILES, readFiles, type ReadFile } from '@mdiff/folder';
import { openModel, type Model } from './model.js';
import { remoteFolder, type FetchOptions } from './remotefolder.js';
import { startSession, type BrowserSessionOptions } from './runtime/browser.js';
import type { Runtime } from './runtime/webworker.js';
import { readTokenizer } from './tokenizer.js';

export interface LoadOptions extends BrowserSessionOptions, FetchOptions {}

/** A model that a Web Worker runs, so that the page stays free. */
export interface BrowserModel extends Model {
  readonly runtime: Runtime;
}

/** Files of a model folder by their path in it, such as `onnx/model.onnx`. */
export type Files = Readonly<Record<string, Uint8Array | Blob>>;

/**
 * Opens a model folder (contract in docs/architecture.md) at an address, or from files. Every file is compared with the manifest, and files from an
 * address are kept for the next start. Throws {@link ModelError}.
 */
export async function loadModel(folder: string | URL | Files, options: LoadOptions = {}): Promise<BrowserModel> {
  mustBe('loadModel', 'options', options, 'object');
  const { cache, signal, onProgress, ...session } = options;
  const isAddress = typeof folder === 'string' || folder instanceof URL;
  const place = isAddress ? addressOf(folder) : undefined;
  const fetching = { ...(cache !== undefined && { cache }), ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const starting = startSession(session);
  try {
    const files = await readFiles(place?.href ?? 'files', place ? await remoteFolder(place, fetching) : inMemory(folder as Files));
    const { graph, causalGraph, ...contents } = files;
    const tokenizer = await readTokenizer(contents);
    const names = {
      graph: `${contents.path}/${FILES.graph}`,
      ...(causalGraph && { causalGraph: `${contents.path}/${FILES.causal}` }),
    };
    const opened = await starting.open({ graph, causalGraph, vocab: contents.config.vocab_size }, names);
    return { ...openModel(contents, tokenizer, opened.session), runtime: opened.report };
  } catch (error) {
    await starting.close();
    throw error;
  }
}

/** The address of a folder, which ends in `/`; a relative one starts from the page. */
function addressOf(folder: string | URL): URL {
  const { location } = globalThis as { location?: { href: string } };
  const address = new URL(folder, location?.href);
  address.search = address.hash = '';
  if (!address.pathname.endsWith('/')) address.pathname += '/';
  return address;
}

const inMemory =
  (files: Files): ReadFile =>
  async (file) => {
    const content = files[file];
    if (content === undefined) return undefined;
    // A copy: the graphs move to the worker, and the caller's bytes stay.
    return new Uint8Array(content instanceof Blob ? await content.arrayBuffer() : content);
  };
