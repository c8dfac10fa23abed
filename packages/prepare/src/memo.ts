import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Memo } from '@mdiff/curriculum/scores';
import { sha256, sweep } from '@mdiff/folder/node';
import { readEntry, writeEntry } from './entry.js';
import { floatsOf } from './helper.js';

/**
 * Keeps computed signals in `folder`, by a hash of the text, the signal's name, its settings and its code's version. A damaged entry is computed
 * again. Entries appear whole, so that processes may share the folder. `onEntry` gets the path of each one that is used.
 */
export function fileMemo(folder: string, text: string, onEntry?: (path: string) => void): Memo {
  return async (name, settings, make) => {
    const path = join(folder, `${name}-${sha256(JSON.stringify([text, name, settings])).slice(0, 32)}.f32`);
    onEntry?.(path);
    const entry = await readEntry(path);
    if (typeof entry !== 'string' && entry.length % 4 === 0) return floatsOf(entry);
    const signal = await make();
    await sweep(folder, { ours: true });
    await writeEntry(path, Buffer.from(signal.buffer, signal.byteOffset, signal.byteLength));
    return signal;
  };
}

/** A hash of a text's sentences, which may be too long to be one string. */
export function hashSentences(sentences: readonly string[]): string {
  const hash = createHash('sha256');
  for (let first = 0; first < sentences.length; first += 4096) hash.update(JSON.stringify(sentences.slice(first, first + 4096)));
  return hash.digest('hex');
}
