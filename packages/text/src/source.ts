import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, relative, resolve } from 'node:path';

import { BUILTIN } from './builtin.js';
import { TextError } from './error.js';
import { parsePlain } from './plain.js';
import type { Document, Removal } from './types.js';

export interface LoadedSource {
  documents: Document[];
  /** What was left out, in the order of the files. */
  removed: Removal[];
  /** Short name of the text for logs and model cards. */
  name: string;
}

/**
 * Reads what `data.source` names: `builtin:moby-dick`, a plain-text file, or a folder of them (searched below too, in name order).
 * Relative paths are tried from `cwd`, then under `dataDir`.
 *
 * @throws TextError, one line, when there is nothing to learn from: no such file, empty, binary, not UTF-8, or a folder without text
 */
export async function loadSource(source: string, { dataDir = 'data', cwd = process.cwd() }: { dataDir?: string; cwd?: string } = {}): Promise<LoadedSource> {
  const builtin = /^builtin:(.*)$/.exec(source)?.[1];
  if (builtin !== undefined) {
    if (!Object.hasOwn(BUILTIN, builtin)) throw bad(source, `the texts that come with mdiff are ${Object.keys(BUILTIN).map((name) => `builtin:${name}`).join(', ')}`);
    const { document, removed } = await BUILTIN[builtin]!.load();
    return { documents: [document], removed, name: builtin };
  }
  const path = await find(source, cwd, resolve(cwd, dataDir));
  const name = basename(path, extname(path));
  if ((await stat(path)).isDirectory()) return { ...(await readFolder(source, path)), name };
  const { document, removed } = parsePlain(await readText(source, path), basename(path));
  if (document.sections.length === 0) throw bad(source, 'no text is left after removing headers, lists and headings; choose a file with running text');
  return { documents: [document], removed, name };
}

const bad = (source: string, reason: string) => new TextError(`data.source: expected a readable text, got ${JSON.stringify(source)}; ${reason}`);

async function find(source: string, cwd: string, dataDir: string): Promise<string> {
  const candidates = isAbsolute(source) ? [source] : [resolve(cwd, source), join(dataDir, source)];
  for (const path of candidates) {
    try {
      await stat(path);
      return path;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw bad(source, `${path} cannot be opened (${String(code)}); check its permissions`);
    }
  }
  throw bad(source, `nothing at ${[...new Set(candidates)].join(' or ')}`);
}

async function readFolder(source: string, folder: string): Promise<Pick<LoadedSource, 'documents' | 'removed'>> {
  const documents: Document[] = [];
  const removed: Removal[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // Compared by code unit: the order, and so the held-out set, is the same under every locale.
  for (const file of files.sort()) {
    const where = relative(folder, file);
    if (where.split(/[\\/]/).some((part) => part.startsWith('.'))) continue;
    try {
      const parsed = parsePlain(await readText(file, file), where);
      if (parsed.document.sections.length > 0) documents.push(parsed.document);
      removed.push(...parsed.removed);
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      removed.push({ where, from: 1, to: 1, what: 'unreadable file', sample: error.message.split('; ').slice(1).join('; ') });
    }
  }
  if (documents.length > 0) return { documents, removed };
  throw bad(source, `${files.length === 0 ? 'the folder holds no files' : `none of its ${files.length} files is plain UTF-8 text`}; put .txt files into ${folder}`);
}

/** Formats that people hand in and that are not plain text, by their first bytes. */
const MAGIC: [bytes: string, format: string][] = [
  ['PK\x03\x04', 'a ZIP archive (EPUB, DOCX)'],
  ['%PDF', 'a PDF'],
  ['\x89PNG', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['{\\rtf', 'an RTF document'],
  ['\xff\xfe', 'UTF-16 text'],
  ['\xfe\xff', 'UTF-16 text'],
];

async function readText(source: string, path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw bad(source, `${path} cannot be read (${String((error as NodeJS.ErrnoException).code)}); check its permissions`);
  }
  if (bytes.length === 0) throw bad(source, 'the file is empty');
  const format = MAGIC.find(([magic]) => bytes.subarray(0, magic.length).toString('latin1') === magic)?.[1];
  if (format) throw bad(source, `it is ${format}; save it as plain UTF-8 text`);
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw bad(source, `it is binary (a zero byte at offset ${zero}); choose a text file`);
  const text = bytes.toString('utf8');
  const offset = invalidAt(bytes, text);
  if (offset >= 0) throw bad(source, `it is not UTF-8 (byte 0x${bytes[offset]!.toString(16)} at offset ${offset}); save it as UTF-8`);
  if (text.trim() === '') throw bad(source, 'the file holds only blank lines');
  return text;
}

/** Offset of the first byte that was replaced in decoding, or -1. A U+FFFD that the file itself spells is no fault. */
function invalidAt(bytes: Buffer, text: string): number {
  let offset = 0;
  let from = 0;
  for (let i = text.indexOf('\uFFFD'); i >= 0; i = text.indexOf('\uFFFD', from)) {
    offset += Buffer.byteLength(text.slice(from, i));
    if (bytes[offset] !== 0xef || bytes[offset + 1] !== 0xbf || bytes[offset + 2] !== 0xbd) return offset;
    offset += 3;
    from = i + 1;
  }
  return -1;
}
