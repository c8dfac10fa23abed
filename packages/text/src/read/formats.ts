import { extname } from 'node:path';

import { mustBe } from '@mdiff/arguments';

import { TextError } from '../error.js';
import type { ParsedText } from '../types.js';
import { openArchive, type Archive } from './archive.js';
import { decode } from './encoding.js';
import type { Packing } from './packed.js';
import { parsePlain } from './plain.js';
import { isVocabulary } from './vocabulary.js';

/** The values of `data.format`. */
export type Format = 'auto' | 'text' | 'markdown' | 'html' | 'epub' | 'pdf' | 'docx';

export interface ReadText extends ParsedText {
  format: Exclude<Format, 'auto'>;
  /** For messages to people; undefined where the format settles it. */
  encoding?: string;
  /** Changes beside removals that you should know: a mended word, a line that was cut. One line each. */
  notes: string[];
}

/** Formats that people hand in by mistake, by their first bytes. */
const FOREIGN: [bytes: string, at: number, message: string][] = [
  ['\x89PNG', 0, 'it is a PNG picture; run text recognition (OCR) on it and save the text'],
  ['\xff\xd8\xff', 0, 'it is a JPEG picture; run text recognition (OCR) on it and save the text'],
  ['GIF8', 0, 'it is a GIF picture; run text recognition (OCR) on it and save the text'],
  ['II*\0', 0, 'it is a TIFF picture; run text recognition (OCR) on it and save the text'],
  ['MM\0*', 0, 'it is a TIFF picture; run text recognition (OCR) on it and save the text'],
  ['ftypheic', 4, 'it is a HEIC picture; run text recognition (OCR) on it and save the text'],
  ['ftypavif', 4, 'it is an AVIF picture; run text recognition (OCR) on it and save the text'],
  ['WEBP', 8, 'it is a WebP picture; run text recognition (OCR) on it and save the text'],
  ['{\\rtf', 0, 'it is an RTF document; save it as .docx or as plain text'],
  ['\xd0\xcf\x11\xe0', 0, 'it is an old Word document (.doc); save it as .docx or as plain text'],
  ['BOOKMOBI', 60, 'it is a Kindle book; convert it to EPUB'],
  ['Rar!\x1a', 0, 'it is a RAR archive; unpack it and name the folder'],
  ["7z\xbc\xaf'", 0, 'it is a 7z archive; unpack it and name the folder'],
];

/** Files that hold other files. */
export type Archived = 'zip' | 'tar' | Packing;

const ARCHIVES: [bytes: string, at: number, kind: Exclude<Archived, 'zip'>][] = [
  ['\x1f\x8b', 0, 'gzip'],
  ['\xfd7zXZ\0', 0, 'xz'],
  ['ustar', 257, 'tar'],
];

const ENDINGS: Readonly<Record<string, ReadText['format']>> = {
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.html': 'html',
  '.htm': 'html',
  '.xhtml': 'html',
};
const HTML_START = /^\s*(<\?xml[^>]*>\s*)?(<!--(?:(?!-->)[\s\S])*-->\s*)*<(!doctype\s+html|html)\b/i;

/**
 * Detects the format of a file: by its first bytes, then by its ending, else plain text. A ZIP archive of files is `zip`; `gzip`, `xz` and `tar` are
 * archives too.
 * @throws TextError for a known format that mdiff cannot read
 */
export async function detectFormat(bytes: Uint8Array, name: string): Promise<ReadText['format'] | Archived> {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  const foreign = FOREIGN.find(([magic, at]) => latin1(bytes, at, magic.length) === magic)?.[2];
  if (foreign) throw new TextError(foreign);
  for (const [magic, at, kind] of ARCHIVES) if (latin1(bytes, at, magic.length) === magic) return kind;
  if (/^[\s\S]{0,1000}%PDF-/.test(head) && !/^\s*<|[\p{L}]{4}/u.test(head.slice(0, head.indexOf('%PDF-')))) return 'pdf';
  if (latin1(bytes, 0, 4) === 'PK\x03\x04' || latin1(bytes, 0, 4) === 'PK\x05\x06') {
    const archive = await openArchive(bytes);
    const { names } = archive;
    if (isEpub(archive)) return 'epub';
    if (isWord(archive)) return 'docx';
    if (names.includes('content.xml') && names.includes('mimetype'))
      throw new TextError('it is an OpenDocument text; save it as .docx or as plain text');
    if (names.some((file) => file.startsWith('xl/') || file.startsWith('ppt/')))
      throw new TextError('it is a spreadsheet or a presentation; save its text as .docx or as plain text');
    return 'zip';
  }
  // UTF-16 has a zero byte between the letters.
  const letters = head.replace(/\0/g, '').replace(/^(\xEF\xBB\xBF|ÿþ|þÿ|ï»¿)/, '');
  const root = rootOf(letters);
  const ending = ENDINGS[extname(name).toLowerCase()];
  // Markdown may begin with a tag of HTML.
  if (HTML_START.test(letters) || (root !== undefined && (isVocabulary(root) || (ending !== 'markdown' && HTML_TAGS.test(root)))))
    return 'html';
  if (root !== undefined && (/^\s*<\?xml\b/.test(letters) || extname(name).toLowerCase() === '.xml'))
    throw new TextError(
      `it is XML of a kind that mdiff does not read (<${root}>); save its text, or set data.format to text to read it with its tags`,
    );
  return ending ?? 'text';
}

// Tags that a file of HTML may begin with that lacks <html>.
const HTML_TAGS = /^(p|div|h[1-6]|body|head|title|meta|center|pre|table|section|article|main|blockquote)$/i;

/** The first tag of a text that begins with one; comments, instructions and the document type before it do not count. */
const rootOf = (text: string): string | undefined =>
  /^<([A-Za-z][\w:.-]*)[\s/>]/.exec(text.replace(/<\?[^>]*\?>|<!--[^>]*-->|<!doctype[^>]*>/gi, '').trimStart())?.[1];

/** True for a ZIP that holds one EPUB, perhaps inside a folder or without the container that names its package document. */
function isEpub({ names, read }: Archive): boolean {
  const containers = names.filter((name) => /(^|\/)META-INF\/container\.xml$/i.test(name));
  if (containers.length > 0) return containers.length === 1;
  const type = read(['mimetype']).get('mimetype');
  return type !== undefined && new TextDecoder().decode(type).trim() === 'application/epub+zip';
}

/** True for a ZIP whose content types name a Word document, whatever its main part is called (ECMA-376, part 2, section 10.1.2.3). */
function isWord({ names, read }: Archive): boolean {
  const types = read(['[Content_Types].xml']).get('[Content_Types].xml');
  return (
    names.includes('word/document.xml') ||
    (types !== undefined &&
      /wordprocessingml\.(document|template)\.main\+xml|ms-word\.\w+\.macroEnabled\w*\.main\+xml/i.test(new TextDecoder().decode(types)))
  );
}

const latin1 = (bytes: Uint8Array, at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));

/**
 * One file to one document, with the parser of `format`.
 *
 * @param format from `detectFormat`, or `data.format`
 * @throws TextError, without the name of the file, when it holds nothing to learn from
 */
export async function readBytes(bytes: Uint8Array, name: string, format: ReadText['format']): Promise<ReadText> {
  mustBe('readBytes', 'bytes', bytes, 'object');
  mustBe('readBytes', 'name', name, 'string');
  mustBe('readBytes', 'format', format, 'string');
  if (!Object.hasOwn(PARSERS, format))
    throw new TypeError(`readBytes: format: expected one of ${Object.keys(PARSERS).join(', ')}, got ${JSON.stringify(format)}`);
  if (bytes.length === 0) throw new TextError('the file is empty');
  const parsed = await PARSERS[format](bytes, name);
  if (parsed.document.sections.length === 0)
    throw new TextError('no text is left after removing headers, lists and headings; choose a file with running text');
  return { format, notes: [], ...parsed };
}

type Parsed = ParsedText & { format?: ReadText['format']; encoding?: string };

const mustStart = (bytes: Uint8Array, magic: string, message: string): void => {
  if (latin1(bytes, 0, magic.length) !== magic) throw new TextError(`${message}; set data.format to auto`);
};

/** The parser of each format, loaded when it is needed. */
const PARSERS: Readonly<Record<ReadText['format'], (bytes: Uint8Array, name: string) => Promise<Parsed>>> = {
  async text(bytes, name) {
    const { text, encoding } = decode(bytes);
    if (text.trim() === '') throw new TextError('the file holds only blank lines');
    return Promise.resolve({ ...parsePlain(text, name), encoding });
  },
  async markdown(bytes, name) {
    const { text, encoding } = decode(bytes);
    const { parseMarkdown, unfitLine } = await import('./markdown.js');
    const unfit = unfitLine(text.split(/\r\r\n|\r\n|\r|\n/));
    if (unfit >= 0) {
      const { notes = [], ...parsed } = parsePlain(text, name);
      return {
        ...parsed,
        format: 'text',
        encoding,
        notes: [
          `line ${unfit + 1} is too long, nests too deep, ends too long a block or begins one too many for Markdown, so the file was read as plain text`,
          ...notes,
        ],
      };
    }
    return { ...(await parseMarkdown(text, name)), encoding };
  },
  async html(bytes, name) {
    const { parseHtml } = await import('./html.js');
    return parseHtml(bytes, name);
  },
  async epub(bytes, name) {
    mustStart(bytes, 'PK', 'it is no EPUB');
    const { parseEpub } = await import('./epub.js');
    return parseEpub(bytes, name);
  },
  async pdf(bytes, name) {
    if (!latin1(bytes, 0, 1024).includes('%PDF-')) throw new TextError('it is no PDF; set data.format to auto');
    const { parsePdf } = await import('./pdf.js');
    return parsePdf(bytes, name);
  },
  async docx(bytes, name) {
    mustStart(bytes, 'PK', 'it is no Word document (.docx)');
    const { parseDocx } = await import('./docx.js');
    return parseDocx(bytes, name);
  },
};
