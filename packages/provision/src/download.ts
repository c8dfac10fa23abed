import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closing, MdiffError } from '@mdiff/folder';

// Downloads one file of known size and sha256. A download continues where an earlier attempt stopped.

export interface Wanted {
  /** bytes */
  size: number;
  sha256: string;
}

export interface DownloadOptions {
  signal?: AbortSignal | undefined;
  /** called with the bytes there are, often */
  onBytes?: (done: number) => void;
  /** attempts that bring nothing before giving up, with a second between them */
  attempts?: number;
  pause?: number;
}

/** The address gave not a single byte: another way may work. */
export class Unreachable extends Error {}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** True when `path` is the file that is wanted. */
export const isThere = async (path: string, { size, sha256 }: Wanted, signal?: AbortSignal): Promise<boolean> =>
  (await sizeOf(path)) === size && (await sha256Of(path, signal)) === sha256;

/**
 * Takes a finished download: checked, then renamed to its place. One that is not what was wanted is removed.
 * @throws MdiffError MDIFF_DAMAGED
 */
export async function accept(part: string, path: string, wanted: Wanted, signal?: AbortSignal): Promise<void> {
  const size = await sizeOf(part);
  const got = size === wanted.size ? await sha256Of(part, signal) : undefined;
  if (got === wanted.sha256) return rename(part, path);
  await rm(part, { force: true });
  const [expected, found] = got === undefined ? [`${wanted.size} bytes`, `${size} bytes`] : [`sha256 ${wanted.sha256}`, got];
  throw new MdiffError(
    'MDIFF_DAMAGED',
    `${basename(path)}: expected ${expected}, got ${found}; it was removed: run the command again, and check the package index that pip is set to`,
  );
}

/** Appends to `part` until it has `size` bytes. Returns when the server ends; throws what the network or the disk throws. */
async function attempt(url: string, part: string, size: number, { signal, onBytes }: DownloadOptions): Promise<void> {
  let done = await sizeOf(part);
  if (done >= size) return;
  if (url.startsWith('file:')) return copy(fileURLToPath(url), part, onBytes, signal);
  const answer = await fetch(url, {
    headers: { 'accept-encoding': 'identity', ...(done > 0 && { range: `bytes=${done}-` }) },
    ...(signal && { signal }),
  });
  const goesOn = answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${done}-`) === true;
  const { body } = answer;
  if (!answer.ok || !body) throw new Unreachable(`HTTP status ${answer.status}`);
  // A server that knows no ranges sends the whole file again.
  if (!goesOn) done = 0;
  const file = await open(part, goesOn ? 'a' : 'w');
  await closing(file, async () => {
    for await (const chunk of body) {
      await file.write(chunk);
      onBytes?.((done += chunk.byteLength));
      if (done > size) return; // not the file that is wanted; the check says so
    }
    await file.sync();
  });
}

async function copy(from: string, part: string, onBytes: DownloadOptions['onBytes'], signal?: AbortSignal): Promise<void> {
  const file = await open(part, 'w');
  let done = 0;
  await closing(file, async () => {
    for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20, ...(signal && { signal }) })) {
      await file.write(chunk as Buffer);
      onBytes?.((done += (chunk as Buffer).byteLength));
    }
  });
}

/** The network's errors have an address or a `cause`; those of the disk name what was done to a file. */
const isDiskError = (error: unknown): boolean =>
  ['open', 'write', 'read', 'fsync', 'ftruncate', 'rename'].includes((error as NodeJS.ErrnoException).syscall ?? '');

/**
 * Downloads `url` to `path`. The bytes so far stay in `path`.part, and the next attempt, or the next command, goes on from there.
 * @throws Unreachable when not a byte came, MdiffError MDIFF_NETWORK when the connection keeps breaking, MDIFF_DAMAGED for other content
 */
export async function download(url: string, path: string, wanted: Wanted, options: DownloadOptions = {}): Promise<void> {
  const { signal, attempts = 3, pause = 1000 } = options;
  const part = `${path}.part`;
  const began = await sizeOf(part);
  for (let failed = 0; ;) {
    const before = await sizeOf(part);
    let reason: string;
    try {
      await attempt(url, part, wanted.size, options);
      reason = 'the server ended early';
    } catch (error) {
      if (signal?.aborted || isDiskError(error)) throw error;
      if (error instanceof Unreachable && before === began) throw error;
      reason = ((error as Error & { cause?: Error }).cause ?? (error as Error)).message;
    }
    const now = await sizeOf(part);
    if (now >= wanted.size) break;
    failed = now > before ? 0 : failed + 1;
    if (failed >= attempts) {
      if (now === began) throw new Unreachable(reason);
      throw new MdiffError(
        'MDIFF_NETWORK',
        `${basename(path)}: the connection broke after ${now} of ${wanted.size} bytes (${reason}); run the command again to continue from there`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal?.throwIfAborted();
  }
  await accept(part, path, wanted, signal);
}
