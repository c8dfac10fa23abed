import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256 } from '@mdiff/folder/node';
import type { Document } from '@mdiff/text';
import type { ReadText, VisitedFile } from '@mdiff/text/node';
import { readEntry, writeEntry } from '../entry.js';
import { hashDocument } from '../fingerprint.js';

/** Everything about a file but its text: enough to split a shelf, to tell what was left out, and to name the text of a run. */
export interface Outline {
  /** undefined where the text has none */
  title?: string;
  /** UTF-8 bytes of each paragraph of each section */
  sections: number[][];
  /** UTF-8 bytes of all of them */
  bytes: number;
  /** of the cleaned text, as the fingerprint of a run counts it */
  sha256: string;
  /** lines of headers, lists and notes that were left out */
  dropped: number;
  encoding?: string;
  notes: string[];
}

/** Grows when reading or cleaning gives another text for some file, so that old outlines and shards are not used. */
const READING_VERSION = 10;

/** Names the text of a file: its bytes and the parser. */
export const textKey = ({ bytes, format }: Pick<VisitedFile, 'bytes' | 'format'>): string =>
  sha256(JSON.stringify([READING_VERSION, format, sha256(bytes)])).slice(0, 32);

/** Its entry in the cache. */
export const outlinePath = (folder: string, key: string): string => join(folder, `${key}.outline`);

/** The outline that an earlier run made of this text. */
export async function cachedOutline(folder: string, key: string): Promise<Outline | 'absent' | 'damaged'> {
  const entry = await readEntry(outlinePath(folder, key));
  return typeof entry === 'string' ? entry : (JSON.parse(entry.toString('utf8')) as Outline);
}

/** The content of its entry. */
export const encodeOutline = (outline: Outline): Uint8Array => Buffer.from(JSON.stringify(outline));

export async function keepOutline(folder: string, key: string, read: ReadText): Promise<Outline> {
  const outline = outlineOf(read);
  await writeEntry(outlinePath(folder, key), encodeOutline(outline));
  return outline;
}

export function outlineOf({ document, removed, encoding, notes }: ReadText): Outline {
  const sections = document.sections.map(({ paragraphs }) => paragraphs.map(({ text }) => Buffer.byteLength(text)));
  const title = titleOf(document);
  return {
    ...(title !== undefined && { title }),
    sections,
    bytes: sections.flat().reduce((sum, size) => sum + size, 0),
    sha256: hashDocument(document, createHash('sha256')).digest('hex'),
    dropped: removed.reduce((sum, { from, to, lines = to - from + 1 }) => sum + lines, 0),
    ...(encoding !== undefined && { encoding }),
    notes,
  };
}

/** A text without a title has the name of its file there. */
const titleOf = ({ title, id }: Document): string | undefined => (title === id ? undefined : title);
