import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import type * as Xz from 'xz-decompress';
import { TextError } from '../error.js';
import { ENTRY_BYTES, RATIO, RATIO_MIN_BYTES, TOTAL_BYTES } from './limits.js';
import { optionalPackage } from './optional.js';

// .gz and .xz hold one stream of bytes: a text, or a .tar of many. Unpacking stops at the limits, so a bomb costs no memory.

export type Packing = 'gzip' | 'xz';

const PIECE_BYTES = 2 ** 16;

/** The bytes in pieces, so that unpacking can stop between two. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

async function open(packing: Packing, bytes: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
  const source = Readable.from(pieces(bytes));
  // A fault of the stream is thrown where its chunks are read.
  if (packing === 'gzip') return source.pipe(createGunzip());
  // A CommonJS package whose names other loaders of modules (tsx) find elsewhere than Node does.
  const load = (): Promise<typeof Xz> => Promise.resolve(createRequire(import.meta.url)('xz-decompress') as never);
  const { XzReadableStream } = await optionalPackage('xz-decompress', load);
  return new XzReadableStream(Readable.toWeb(source) as ReadableStream<Uint8Array>) as unknown as AsyncIterable<Uint8Array>;
}

/**
 * Unpacks a .gz or .xz file.
 * @throws TextError for a bomb or a damaged file; the reason of `signal` once it is aborted
 */
export async function unpack(packing: Packing, bytes: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of await open(packing, bytes)) {
      size += chunk.length;
      if (size > TOTAL_BYTES || (size > RATIO_MIN_BYTES && size > RATIO * bytes.length))
        throw new TextError(
          `it looks like a bomb (${bytes.length.toLocaleString('en')} bytes grow to more than ${(size - chunk.length).toLocaleString('en')}); unpack it and name the folder if it is not`,
        );
      // The decompressor reuses its buffer.
      chunks.push(chunk.slice());
      // Decompression never waits, so signals are only delivered here.
      await setImmediate();
      signal?.throwIfAborted();
    }
  } catch (error) {
    if (error instanceof TextError || signal?.aborted) throw error;
    throw new TextError(`the packed file is damaged (${packing}: ${(error as Error).message}); get it again`);
  }
  return Buffer.concat(chunks, size);
}

/** The files of a .tar by name; folders, links and devices are left out. @throws TextError for a bomb or a damaged archive */
export async function untar(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const { unpackTar } = await optionalPackage('modern-tar', () => import('modern-tar'));
  const entries = await unpackTar(bytes, { strict: true, filter: ({ type = 'file' }) => type === 'file' }).catch((error: Error) => {
    throw new TextError(`the .tar archive is damaged (${error.message}); get it again`);
  });
  const files = new Map<string, Uint8Array>();
  for (const { header, data } of entries) {
    if (header.size > ENTRY_BYTES)
      throw new TextError(
        `${header.name} in the .tar archive has ${header.size.toLocaleString('en')} bytes, and mdiff reads at most ${ENTRY_BYTES.toLocaleString('en')}; split it`,
      );
    // tar writes ./ before names given as folders.
    files.set(header.name.replace(/^(\.\/)+/, ''), data ?? new Uint8Array());
  }
  if (files.size === 0) throw new TextError('the .tar archive holds no files; put text into it');
  return files;
}
