import { blockEnd, clear, type Lines } from './gutenberg.js';

const NUMBER = String.raw`(?:[ivxlcdm]+|\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the\s+(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last))`;
const CHAPTER = new RegExp(
  String.raw`^(?:chapter|letter|book|part|volume|canto|act|scene|section|stave)\s+${NUMBER}(?:$|\s*[.:,—–-]+\s*(.*)$|\s+(\p{Lu}.*)$)`,
  'iu',
);
const NAMED = /^(preface|prologue|epilogue|introduction|conclusion|foreword|afterword|appendix|dedication|etymology|extracts)\.?$/i;
const ROMAN_TITLE = /^[IVXLC]+\.\s+(?=.*\p{Lu}{2})[^\p{Ll}]+$/u;
const ROMAN_ALONE = /^[IVXLC]+\.?$/;
/** The heading of a list of contents or of illustrations. */
export const LIST_HEADING = /^\W*(table of )?contents\W*$|^\W*(list of )?illustrations\W*$/i;
// "Contents" later than this in a book is a word, not the list.
const FRONT_SHARE = 0.25;
const ENTRY_CHARS = 90;
const GAP = 4;

/** The part of the book that a heading opens: a chapter, or a numbered part of one; undefined for a block that is no heading. */
export type Level = 'chapter' | 'part' | undefined;

/** Classifies one stand-alone block of at most three short lines, italics already unwrapped. */
export function headingLevel(block: readonly string[]): Level {
  const line = block.map((text) => text.trim()).join(' ');
  if (block.length > 3 || line.length > 100) return undefined;
  if (ROMAN_ALONE.test(line)) return 'part';
  if (NAMED.test(line) || ROMAN_TITLE.test(line)) return 'chapter';
  const match = CHAPTER.exec(line);
  if (!match) return undefined;
  // "Chapter 5 was long." and "Part one, he said, is done" are sentences; a title starts with a capital or a quotation mark.
  const title = match[1] ?? match[2] ?? '';
  return title === '' || /^[\p{Lu}\d"“‘'(]/u.test(title) ? 'chapter' : undefined;
}

/** Clears lists of contents and of illustrations near the front. */
export function clearContents(lines: Lines): void {
  const limit = Math.max(200, lines.text.length * FRONT_SHARE);
  for (let i = 0; i < limit && i < lines.text.length; i++) {
    if (LIST_HEADING.test(lines.text[i]!)) clear(lines, i, listEnd(lines.text, i), 'contents list');
  }
  // The heading of a list of illustrations may itself be a picture; then only its column heading is left.
  const page = lines.text.findIndex((line, i) => i < limit && /^\s*PAGE\.?\s*$/i.test(line));
  if (page >= 0) clear(lines, page, listEnd(lines.text, page), 'contents list');
}

/** Last line of a list that starts at `start`. It ends at a wide gap, at prose, or where an entry comes again as a heading. */
function listEnd(text: readonly string[], start: number): number {
  const seen = new Set<string>();
  let end = start;
  for (let i = start + 1; i < text.length; i++) {
    if (!text[i]!.trim()) continue;
    const last = blockEnd(text, i);
    const block = text.slice(i, last + 1);
    const key = block.length === 1 ? entryKey(block[0]!) : '';
    if (key && seen.has(key)) break;
    if (seen.size > 1 && i - end > GAP) break;
    if (!block.every(isEntry) || looksLikeProse(block)) break;
    for (const line of block) seen.add(entryKey(line));
    end = i = last;
  }
  return end;
}

const entryKey = (line: string) =>
  line
    .replace(/\s*\.*\s*\d+\s*$/, (tail) => (/\.{2}|\s{2}/.test(tail) ? '' : tail))
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
const isEntry = (line: string) => line.trim().length <= ENTRY_CHARS;
// Two or more full lines that end like a sentence.
const looksLikeProse = (block: readonly string[]) =>
  block.length >= 3 && block.slice(0, -1).every((line) => line.trim().length >= 55) && /[.!?]["”’']?$/.test(block.at(-1)!.trim());
