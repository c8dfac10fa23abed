// Brings the files of a model folder from a server, and keeps them in the browser's cache.
import { entriesToRead, MANIFEST, ModelError, type Manifest, type ManifestEntry, type ReadFile } from '@mdiff/folder';

export interface FetchOptions {
  /** Name of the cache (Cache API) that keeps the files; null keeps none. Default mdiff-models. */
  readonly cache?: string | null;
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** After each piece that has come: bytes of the files so far, and of all of them. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** The Cache API, whose types only the DOM library has. */
interface Cache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

/** undefined where a page has none: one from plain http, or with its storage switched off. */
async function openCache(name: string | null): Promise<Cache | undefined> {
  const { caches } = globalThis as { caches?: { open(name: string): Promise<Cache> } };
  return name === null ? undefined : caches?.open(name).catch(() => undefined);
}

/** A reader of the folder at `base`, which ends in `/`. A kept file is found by its checksum, so that a model that was exported again is never mixed with the old one. */
export async function remoteFolder(base: URL, { cache: name = 'mdiff-models', signal, onProgress }: FetchOptions = {}): Promise<ReadFile> {
  const cache = await openCache(name);
  const count = { loaded: 0, total: 0 };
  const gain = (bytes: number): void => onProgress?.((count.loaded += bytes), count.total);
  const addressOf = (file: string): string => new URL(file, base).href;
  const keyOf = ({ path, sha256 }: ManifestEntry): string => `${addressOf(path)}?sha256=${sha256}`;
  /** A full disk keeps nothing, which is no fault of the model. */
  const keep = async (key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> =>
    cache?.put(key, new Response(bytes)).catch(() => undefined);
  const download = async (file: string, mode: 'no-cache' | 'reload' | 'default', onPiece: (bytes: number) => void) => {
    const response = await fetched(addressOf(file), mode, signal);
    return response && bytesOf(response, onPiece);
  };

  async function readManifest(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const address = addressOf(MANIFEST);
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    try {
      bytes = await download(MANIFEST, 'no-cache', () => undefined);
    } catch (error) {
      // Without a network the model that was loaded last is the one to run.
      const kept = signal?.aborted ? undefined : await cache?.match(address);
      if (!kept) throw error;
      bytes = await bytesOf(kept, () => undefined);
    }
    if (!bytes) return undefined;
    await keep(address, bytes);
    const files = entriesIn(bytes);
    count.total = files.reduce((sum, { size }) => sum + size, 0);
    await forget(cache, base, [address, ...files.map(keyOf)]);
    return bytes;
  }

  return async (file, entry, again = false) => {
    if (!entry) return readManifest();
    const key = keyOf(entry);
    const kept = again ? undefined : await cache?.match(key);
    if (kept) return bytesOf(kept, gain);
    const bytes = await download(file, again ? 'reload' : 'default', again ? () => undefined : gain);
    if (bytes) await keep(key, bytes);
    return bytes;
  };
}

/** The files that will be asked for; none where the manifest is damaged, which its reader then says. */
function entriesIn(manifest: Uint8Array): ManifestEntry[] {
  try {
    return entriesToRead((JSON.parse(new TextDecoder().decode(manifest)) as Manifest).files);
  } catch {
    return [];
  }
}

/** Deletes what the cache holds of earlier versions of the folder. */
async function forget(cache: Cache | undefined, base: URL, keep: readonly string[]): Promise<void> {
  for (const { url } of (await cache?.keys()) ?? []) if (url.startsWith(base.href) && !keep.includes(url)) await cache?.delete(url);
}

/** undefined: the server says that there is no such file. */
async function fetched(
  address: string,
  cache: 'no-cache' | 'reload' | 'default',
  signal: AbortSignal | undefined,
): Promise<Response | undefined> {
  let response: Response;
  try {
    // Node's types lack `cache`.
    response = await fetch(address, { cache, ...(signal && { signal }) } as RequestInit);
  } catch (error) {
    signal?.throwIfAborted();
    throw new ModelError(`${address}: cannot be reached (${(error as Error).message}); check the address and the connection`);
  }
  if (response.status === 404 || response.status === 410) return undefined;
  if (response.ok) return response;
  throw new ModelError(`${address}: the server answered ${response.status} ${response.statusText}`.trimEnd());
}

async function bytesOf(response: Response, onPiece: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value as Uint8Array);
    onPiece((value as Uint8Array).byteLength);
  }
  const bytes = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let place = 0;
  for (const piece of pieces) {
    bytes.set(piece, place);
    place += piece.byteLength;
  }
  return bytes;
}
