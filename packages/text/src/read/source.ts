import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import { mustBe, mustKnow } from '@mdiff/arguments';
import { describeFault, places } from '@mdiff/folder';
import { TextError } from '../error.js';
import type { Document, Removal } from '../types.js';
import { openArchive } from './archive.js';
import { BUILTIN } from './builtin.js';
import { detectFormat, readBytes, type Archived, type Format, type ReadText } from './formats.js';
import { leavesArchive } from './limits.js';
import { optionalPackage } from './optional.js';
import { unpack, untar } from './packed.js';
import { refuseOddments } from './prose.js';

/** One file of the source. */
export interface ReadFile {
  where: string;
  format: ReadText['format'];
  encoding?: string;
}

export interface LoadedSource {
  documents: Document[];
  /** The parts that were left out, in the order of the files. */
  removed: Removal[];
  /** Short name of the text for logs and model cards. */
  name: string;
  /** The files that the documents come from; none for a builtin text. */
  files: ReadFile[];
  /** Changes beside removals that you should know: an encoding other than UTF-8, mended words, cut lines. One line each. */
  notes: string[];
}

export interface SourceOptions {
  dataDir?: string;
  cwd?: string;
  /** Parser for every file; `auto` looks at the content, then at the ending. */
  format?: Format;
  /** The stream that the source `-` reads. */
  stdin?: Readable;
  /** The configuration key that names the source; messages begin with it. */
  key?: string;
  /** Aborting it ends the reading between two files, and between two pieces of an archive. */
  signal?: AbortSignal;
}

const OPTIONS: Record<keyof SourceOptions, true> = { dataDir: true, cwd: true, format: true, stdin: true, key: true, signal: true };

type Loaded = Omit<LoadedSource, 'name'>;

/** One file of a source, before it is parsed. */
export interface VisitedFile {
  where: string;
  bytes: Uint8Array;
  format: ReadText['format'];
  /** Parses it. @throws TextError when it holds nothing to learn from */
  parse(): Promise<ReadText>;
}

/** The same source without its documents: `visit` gets its files one by one, in order, so that only one of them is in memory. */
export type VisitedSource = Omit<LoadedSource, 'documents'>;

/** Reads a source file by file. A file on which `visit` throws a TextError counts as unreadable. Throws as `loadSource` does; builtin texts have no files. */
export async function visitSource(
  source: string,
  options: SourceOptions,
  visit: (file: VisitedFile) => Promise<void>,
): Promise<VisitedSource> {
  mustBe('visitSource', 'source', source, 'string');
  mustBe('visitSource', 'options', options, 'object');
  mustBe('visitSource', 'visit', visit, 'function');
  const { name, removed, files, notes } = await loadKeyed(source, options, visit);
  return { name, removed, files, notes };
}

// Packed text grows to about three times its size.
const PACKED_RATIO = 3;

/** About how many bytes of text a source has, without reading it; 0 for builtin texts, standard input and what cannot be found. */
export async function measureSource(source: string, options: SourceOptions = {}): Promise<number> {
  mustBe('measureSource', 'source', source, 'string');
  mustBe('measureSource', 'options', options, 'object');
  const { dataDir = 'data', cwd = process.cwd() } = options;
  if (source === '-' || source.startsWith('builtin:')) return 0;
  const sizeOf = async (path: string): Promise<number> =>
    (await stat(path)).size * (/\.(zip|gz|xz|tgz|txz|epub|docx)$/i.test(path) ? PACKED_RATIO : 1);
  const sumOf = async (paths: readonly string[]): Promise<number> => {
    let sum = 0;
    // A link that leads nowhere has no size.
    for (const path of paths) sum += await sizeOf(path).catch(() => 0);
    return sum;
  };
  try {
    const bases = isAbsolute(source) ? ['/'] : [cwd, resolve(cwd, dataDir)];
    const path = await find(source, bases);
    if (path === undefined) {
      const { glob } = await import('tinyglobby');
      for (const base of bases) {
        const files = await glob(source, { cwd: base, onlyFiles: true, absolute: true });
        if (files.length > 0) return await sumOf(files);
      }
      return 0;
    }
    if (!(await stat(path)).isDirectory()) return await sizeOf(path);
    return await sumOf((await filesOf(path)).filter(isVisible).map((file) => join(path, file)));
  } catch {
    // Reading the source says what is wrong with it.
    return 0;
  }
}

/**
 * Reads the source that `data.source` names: `builtin:moby-dick`, `builtin:sotu`; a file (plain text, Markdown, HTML, EPUB, PDF, DOCX; also packed as
 * `.gz` or `.xz`); a folder, `.zip`, `.tar`, `.tar.gz` or `.tar.xz` of them (with its subfolders, in name order); a glob; `-` for standard input. Relative paths are tried from `cwd`, then under `dataDir`.
 *
 * @throws TextError, one line, when there is nothing to learn from: no such file, empty, binary, locked, in no known encoding, or a folder without text
 */
export const loadSource = (source: string, options: SourceOptions = {}): Promise<LoadedSource> => {
  mustBe('loadSource', 'source', source, 'string');
  mustBe('loadSource', 'options', options, 'object');
  mustKnow('loadSource', options, OPTIONS);
  return loadKeyed(source, options);
};

async function loadKeyed(
  source: string,
  { key = 'data.source', ...options }: SourceOptions,
  visit?: ReadOptions['visit'],
): Promise<LoadedSource> {
  try {
    return await load(source, { ...options, ...(visit && { visit }) });
  } catch (error) {
    if (key === 'data.source' || !(error instanceof TextError) || !error.message.startsWith('data.source')) throw error;
    throw new TextError(error.message.replace('data.source', key));
  }
}

async function load(
  source: string,
  {
    dataDir = 'data',
    cwd = process.cwd(),
    format = 'auto',
    stdin = process.stdin,
    signal,
    visit,
  }: Omit<SourceOptions, 'key'> & Pick<ReadOptions, 'visit'>,
): Promise<LoadedSource> {
  const options: ReadOptions = { format, ...(signal && { signal }), ...(visit && { visit }) };
  const builtin = /^builtin:(.*)$/.exec(source)?.[1];
  if (builtin !== undefined) {
    if (!Object.hasOwn(BUILTIN, builtin))
      throw bad(
        source,
        `the texts that come with mdiff are ${Object.keys(BUILTIN)
          .map((name) => `builtin:${name}`)
          .join(', ')}`,
      );
    return { ...(await BUILTIN[builtin]!()), name: builtin, files: [] };
  }
  if (source === '-')
    return { ...(await named(source, async () => readFileBytes(await drain(stdin), 'standard input', options))), name: 'stdin' };
  const bases = isAbsolute(source) ? ['/'] : [cwd, resolve(cwd, dataDir)];
  const path = await find(source, bases);
  if (path === undefined) return { ...(await readGlob(source, bases, options)), name: globName(source) };
  const name = basename(path).replace(/(\.tar)?\.[^.]+$/, '') || basename(path);
  if ((await stat(path)).isDirectory()) {
    const files = await filesOf(path);
    return { ...(await named(source, () => readMany('folder', files, (file) => readPath(join(path, file)), options))), name };
  }
  return { ...(await named(source, async () => readFileBytes(await readPath(path), basename(path), options))), name };
}

/** The pattern in letters; of an absolute one only the part behind its last fixed folder. */
function globName(source: string): string {
  const fixed = isAbsolute(source) ? source.slice(0, source.search(/[*?[\]{}]/)).lastIndexOf('/') + 1 : 0;
  return (
    source
      .slice(fixed)
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, '') || 'glob'
  );
}

const bad = (source: string, reason: string) =>
  new TextError(`data.source: expected a readable text, got ${JSON.stringify(source)}; ${reason}`);

/** Adds the name of the source to the error of a parser. */
async function named<T>(source: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof TextError && !error.message.startsWith('data.source') ? bad(source, error.message) : error;
  }
}

async function find(source: string, bases: readonly string[]): Promise<string | undefined> {
  const candidates = bases.map((base) => resolve(base, source));
  for (const path of candidates) {
    try {
      await stat(path);
      return path;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw bad(source, unreadable(path, error));
    }
  }
  if (/[*?[\]{}]/.test(source)) return undefined;
  throw bad(source, `nothing at ${[...new Set(candidates)].join(' or ')}`);
}

async function readGlob(source: string, bases: readonly string[], options: ReadOptions): Promise<Loaded> {
  const { glob } = await named(source, () => optionalPackage('tinyglobby', () => import('tinyglobby')));
  for (const cwd of new Set(bases)) {
    const files = await glob(source, { cwd, onlyFiles: true });
    if (files.length > 0) return named(source, () => readMany('pattern', files, (file) => readPath(resolve(cwd, file)), options));
  }
  throw bad(source, `nothing matches it under ${[...new Set(bases)].join(' or ')}`);
}

/** The files of a folder and its subfolders, by their paths in it. A link to a file is a file; one to a folder is not followed, because it may lead back. */
async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    // Node before 20.12 calls the folder of an entry `path` and has no `parentPath`.
    const path = join(entry.parentPath ?? entry.path, entry.name);
    // A link that leads nowhere stays in the list, so that reading it says so.
    const isFile = entry.isSymbolicLink()
      ? await stat(path).then(
          (target) => target.isFile(),
          () => true,
        )
      : entry.isFile();
    if (isFile) files.push(relative(folder, path));
  }
  return files;
}

/** False for what is hidden, and for what macOS adds to archives. */
const isVisible = (name: string): boolean =>
  !name.split(/[\\/]/).some((part) => (part.startsWith('.') && !/^\.{1,2}$/.test(part)) || part === '__MACOSX');

/** Reads many files, each to its own documents. A file that cannot be read is reported as a removal, as long as one file can be read. */
async function readMany(
  what: string,
  names: readonly string[],
  open: (name: string) => Uint8Array | Promise<Uint8Array>,
  options: ReadOptions,
): Promise<Loaded> {
  const all: Loaded = { documents: [], removed: [], files: [], notes: [] };
  let reason = '';
  // Compared by code unit: the order, and so the held-out set, is the same under every locale.
  const visible = names.filter(isVisible).sort();
  for (const name of visible) {
    // Files of an archive are in memory, so reading them never waits, and signals are only delivered here.
    await setImmediate();
    options.signal?.throwIfAborted();
    try {
      if (options.packed && leavesArchive(name)) throw new TextError('its name leads out of the archive; mdiff does not read it');
      if (options.format === 'auto') refuseOddments(name);
      const loaded = await readFileBytes(await open(name), name, options);
      // One by one: a call takes only so many arguments, and a file may have more removals.
      for (const document of loaded.documents) all.documents.push(document);
      for (const removal of loaded.removed) all.removed.push(removal);
      for (const file of loaded.files) all.files.push(file);
      for (const note of loaded.notes) all.notes.push(note);
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      reason ||= error.message;
      all.removed.push({ where: name, from: 1, to: 1, what: 'unreadable file', sample: error.message });
    }
  }
  if (all.files.length > 0) return all;
  if (visible.length === 0) throw new TextError(`the ${what} holds no files; put .txt, .md, .html, .epub, .pdf or .docx files into it`);
  throw new TextError(
    `none of the ${visible.length} files of the ${what} can be read (${visible[0]!}: ${reason.split('; ')[0]!}); put .txt, .md, .html, .epub, .pdf or .docx files into it`,
  );
}

/** How the files of a source are read. */
interface ReadOptions {
  format: Format;
  signal?: AbortSignal;
  /** the file comes out of an archive */
  packed?: boolean;
  /** takes each file instead of its document */
  visit?: (file: VisitedFile) => Promise<void>;
}

async function readFileBytes(bytes: Uint8Array, where: string, options: ReadOptions): Promise<Loaded> {
  const { format, packed = false } = options;
  if (bytes.length === 0) throw new TextError('the file is empty');
  const detected = await detectFormat(bytes, where);
  if (isArchive(detected)) {
    // An archive inside an archive may hold itself.
    if (packed) throw new TextError(`it is ${detected === 'zip' ? 'a ZIP archive' : `an archive (${detected})`} inside another; unpack it`);
    return readArchive(detected, bytes, where, options);
  }
  const used = format === 'auto' ? detected : format;
  if (options.visit) {
    await options.visit({ where, bytes, format: used, parse: () => readBytes(bytes, where, used) });
    return { documents: [], removed: [], files: [{ where, format: used }], notes: [] };
  }
  const { document, removed, encoding, notes } = await readBytes(bytes, where, used);
  return {
    documents: [document],
    removed,
    files: [{ where, format: used, ...(encoding !== undefined && { encoding }) }],
    notes: notesOn(where, { encoding, notes }),
  };
}

/** The lines that a user should know about a file that was read. */
export const notesOn = (where: string, options: { encoding?: string | undefined; notes: readonly string[] }): string[] => {
  mustBe('notesOn', 'where', where, 'string');
  mustBe('notesOn', 'options', options, 'object');
  const { encoding, notes } = options;
  return [
    ...(encoding === undefined || /^UTF-8(?!, though)/.test(encoding)
      ? []
      : [`read as ${encoding}; save it as UTF-8 if letters look wrong`]),
    ...notes,
  ].map((note) => `${where}: ${note}`);
};

const isArchive = (format: string): format is Archived => ['zip', 'tar', 'gzip', 'xz'].includes(format);

async function readArchive(kind: Archived, bytes: Uint8Array, where: string, options: ReadOptions): Promise<Loaded> {
  const inside = { ...options, packed: true };
  // Unpacked at once, so that the limits count the whole archive.
  const many = (files: Map<string, Uint8Array>, names = [...files.keys()]): Promise<Loaded> =>
    readMany('archive', names, (name) => files.get(name) ?? new Uint8Array(), inside);
  if (kind === 'zip') {
    const { names, read } = await openArchive(bytes);
    return many(read(names), names);
  }
  if (kind === 'tar') return many(await untar(bytes));
  const content = await unpack(kind, bytes, options.signal);
  if (content.length > 0 && (await detectFormat(content, where)) === 'tar') return many(await untar(content));
  return readFileBytes(content, where.replace(/\.(gz|xz)$/i, ''), inside);
}

async function readPath(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new TextError(unreadable(path, error));
  }
}

const place = { ...places.file, elsewhere: 'choose another text' };
const unreadable = (path: string, error: unknown): string =>
  `${path} cannot be read: ${describeFault(error, { task: 'read', place }) ?? String(error)}`;

async function drain(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer));
  return Buffer.concat(chunks);
}
