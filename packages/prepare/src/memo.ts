import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Memo } from '@mdiff/curriculum/scores';
import { places } from '@mdiff/folder';
import { sha256, writeFileWhole } from '@mdiff/folder/node';

/**
 * Keeps computed signals in `folder`, by a hash of the text, the signal's name, its settings and its code's version. A damaged entry is computed
 * again. Entries appear whole, so that processes may share the folder.
 */
export function fileMemo(folder: string, text: string): Memo {
  return async (name, settings, make) => {
    const path = join(folder, `${name}-${sha256(JSON.stringify([text, name, settings])).slice(0, 32)}.f32`);
    const entry = await readFile(path).catch(() => undefined);
    if (entry !== undefined && entry.length >= 32) {
      const [sum, payload] = [entry.subarray(0, 32), entry.subarray(32)];
      // A copy: the buffer of a file need not be aligned.
      if (payload.length % 4 === 0 && sha256(payload) === sum.toString('hex')) return new Float32Array(Uint8Array.from(payload).buffer);
    }
    const signal = await make();
    const payload = Buffer.from(signal.buffer, signal.byteOffset, signal.byteLength);
    await writeFileWhole(path, Buffer.concat([Buffer.from(sha256(payload), 'hex'), payload]), places.cache);
    return signal;
  };
}

/** A hash of a text's sentences, which may be too long to be one string. */
export function hashSentences(sentences: readonly string[]): string {
  const hash = createHash('sha256');
  for (let first = 0; first < sentences.length; first += 4096) hash.update(JSON.stringify(sentences.slice(first, first + 4096)));
  return hash.digest('hex');
}
