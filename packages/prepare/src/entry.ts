import { readFile } from 'node:fs/promises';
import { MdiffError, places } from '@mdiff/folder';
import { sha256, writeFileWhole } from '@mdiff/folder/node';

// One entry of a cache: a checksum and the content. Entries appear whole, so that processes may share a folder, and a damaged one is made again.

const SUM_BYTES = 32;

/** The content of an entry; `absent` or `damaged` where it has to be made. @throws MdiffError MDIFF_CACHE for a file that cannot be read */
export async function readEntry(path: string): Promise<Buffer | 'absent' | 'damaged'> {
  let entry: Buffer;
  try {
    entry = await readFile(path);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'absent';
    throw new MdiffError('MDIFF_CACHE', `${path}: mdiff cannot read this entry of its cache (${code}); make it readable or delete it`);
  }
  const content = entry.subarray(SUM_BYTES);
  return entry.length >= SUM_BYTES && sha256(content) === entry.subarray(0, SUM_BYTES).toString('hex') ? content : 'damaged';
}

export async function writeEntry(path: string, content: Uint8Array): Promise<void> {
  await writeFileWhole(path, Buffer.concat([Buffer.from(sha256(content), 'hex'), content]), places.cache);
}

/** Byte of the file where the content begins. */
export const CONTENT_START = SUM_BYTES;
