import { createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fromBufferPromise, openPromise } from 'yauzl';
import { MdiffError } from '@mdiff/folder';
import { makeFolder } from '@mdiff/folder/node';

// A wheel is a zip archive. mdiff reads only the entries that it needs, each as a stream, because the libraries may not fit in memory.

/**
 * Writes the entries that `place` gives a path, relative to `folder`. The reader checks each entry's name and size.
 * @returns bytes written
 * @throws MdiffError MDIFF_DAMAGED when the archive cannot be read
 */
export async function unpack(
  wheel: string,
  folder: string,
  place: (name: string) => string | undefined,
  signal?: AbortSignal,
): Promise<number> {
  const archive = await openPromise(wheel).catch((cause: Error) => {
    throw damaged(wheel, cause);
  });
  let bytes = 0;
  try {
    for await (const entry of archive.eachEntry()) {
      const path = place(entry.fileName);
      if (path === undefined) continue;
      const target = join(folder, path);
      makeFolder(dirname(target));
      // The upper half is the mode that the file had on Unix: CUDA's wheels bring programs.
      const mode = (entry.externalFileAttributes >>> 16) & 0o111 ? 0o755 : 0o644;
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target, { mode }), { ...(signal && { signal }) });
      bytes += entry.uncompressedSize;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) throw error; // the disk, or the user
    throw damaged(wheel, error as Error);
  } finally {
    archive.close();
  }
  return bytes;
}

/** One file of a wheel in memory, undefined if it holds none of that name. @throws MdiffError MDIFF_DAMAGED when the archive cannot be read */
export async function unpackEntry(content: Uint8Array, name: string, wheel: string): Promise<Uint8Array | undefined> {
  try {
    const archive = await fromBufferPromise(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
    for await (const entry of archive.eachEntry()) {
      if (entry.fileName === name) return await buffer(await archive.openReadStreamPromise(entry));
    }
    return undefined;
  } catch (error) {
    throw damaged(wheel, error as Error);
  }
}

const damaged = (wheel: string, cause: Error): MdiffError =>
  new MdiffError('MDIFF_DAMAGED', `${wheel}: expected a readable wheel, got "${cause.message}"; remove it and run the command again`, 1, {
    cause,
  });
