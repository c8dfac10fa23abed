// Reads a model folder that lies on no disk: on a server, in an archive, in memory. Runs in a browser.
import { mustBe } from '@mdiff/arguments';
import { FILES, NEEDED, checkFolderConfig, refuser } from './contract.js';
import type { ModelFolder, Refuse } from './contract.js';
import { ModelError } from './errors.js';
import { MANIFEST, checkEntry, parseManifest, parseRecord } from './manifest.js';
import type { ManifestEntry } from './manifest.js';

/** The parts of a model folder that running it needs, in memory. */
export interface ModelFiles extends Omit<
  ModelFolder,
  'graph' | 'causalGraph' | 'blockGraph' | 'quantizedGraph' | 'quantizedCausalGraph' | 'quantizedBlockGraph'
> {
  readonly graph: Uint8Array<ArrayBuffer>;
  readonly causalGraph?: Uint8Array<ArrayBuffer>;
}

/**
 * Brings a file of the folder; undefined if there is none. `entry` is its line of the manifest, undefined for the manifest itself. `again`: the
 * content of the first answer did not match the manifest, so a copy that was kept must not be given again.
 */
export type ReadFile = (file: string, entry?: ManifestEntry, again?: boolean) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** All the files that {@link readFiles} reads besides the manifest; a folder may hold more, such as its weights. */
const READ: readonly string[] = [...NEEDED, FILES.causal];

/** The entries of the files that will be read. */
export const entriesToRead = (files: readonly ManifestEntry[]): ManifestEntry[] => {
  mustBe('entriesToRead', 'files', files, 'list');
  return files.filter(({ path }) => READ.includes(path));
};

/**
 * Reads the files that running a model needs, comparing each with the manifest: its size, and its sha256 where WebCrypto is available (in a
 * browser: pages from https or localhost). `place` is the folder's address for messages. Throws {@link ModelError}.
 */
export async function readFiles(place: string, read: ReadFile): Promise<ModelFiles> {
  mustBe('readFiles', 'place', place, 'string');
  mustBe('readFiles', 'read', read, 'function');
  const path = place.replace(/\/+$/, '');
  const refuse = refuser((file) => `${path}/${file}`);
  const manifest = await read(MANIFEST);
  if (manifest === undefined) {
    throw new ModelError(`${path}: expected a model folder, got no ${MANIFEST}; give the folder that training wrote (…/model)`, 2);
  }
  const { created, files } = parseManifest(text(manifest), refuse);
  for (const needed of NEEDED) {
    if (!files.some((file) => file.path === needed)) throw refuse(MANIFEST, `an entry for ${needed}`, 'none');
  }
  const entries = await Promise.all(
    entriesToRead(files).map(async (entry) => [entry.path, await readChecked(entry, read, refuse)] as const),
  );
  const contents = new Map(entries);
  const content = (file: string): Uint8Array<ArrayBuffer> => contents.get(file)!;
  const config = checkFolderConfig(parseRecord(FILES.config, text(content(FILES.config)), refuse), refuse);
  const causalGraph = contents.get(FILES.causal);
  return {
    path,
    name: config.experiment_name ?? path.slice(path.lastIndexOf('/') + 1),
    created: Math.floor(Date.parse(created) / 1000) || 0,
    config,
    generation: parseRecord(FILES.generation, text(content(FILES.generation)), refuse),
    tokenizer: text(content(FILES.tokenizer)),
    graph: content(FILES.graph),
    ...(causalGraph && { causalGraph }),
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function readChecked(entry: ManifestEntry, read: ReadFile, refuse: Refuse): Promise<Uint8Array<ArrayBuffer>> {
  const check = async (bytes: Uint8Array<ArrayBuffer> | undefined): Promise<Uint8Array<ArrayBuffer>> => {
    checkEntry(entry, bytes && { size: bytes.byteLength, ...(await hashOf(bytes)) }, refuse);
    return bytes!;
  };
  const first = await read(entry.path, entry);
  try {
    return await check(first);
  } catch {
    return check(await read(entry.path, entry, true));
  }
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<{ sha256?: string }> {
  // Types promise it, but a page from plain http has none.
  const subtle = crypto.subtle as typeof crypto.subtle | undefined;
  if (!subtle) return {};
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return { sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
