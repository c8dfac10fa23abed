import { blockEnd, clear, type Lines } from './lines.js';

const UNIT = 'one|two|three|four|five|six|seven|eight|nine';
const TEEN = 'ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen';
const TENS = 'twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety';
const CARDINAL = String.raw`(?:(?:(?:${UNIT}|a)[\s-]+hundred(?:[\s-]+(?:and[\s-]+)?)?)?(?:(?:${TENS})(?:[\s-]+(?:${UNIT}))?|${TEEN}|${UNIT})|(?:${UNIT}|a)[\s-]+hundred)`;
const FIRSTS = 'first|second|third|fourth|fifth|sixth|seventh|eighth|ninth';
const TENTHS =
  'tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|fortieth|fiftieth|sixtieth|seventieth|eightieth|ninetieth';
const ORDINAL = String.raw`(?:(?:${TENS})[\s-]+(?:${FIRSTS})|${FIRSTS}|${TENTHS}|last)`;
const DIGITS = String.raw`(?:[ivxlcdm]+|\d{1,3}(?:st|nd|rd|th)?)`;
const NUMBER = String.raw`(?:${DIGITS}|${CARDINAL}|(?:the\s+)?${ORDINAL})`;
const WORD = String.raw`(?:chapter|chap\.?|letter|book|part|volume|vol\.|canto|act|scene|section|stave)`;
// In other languages only numbers in digits count; their words are not listed.
const FOREIGN_WORD =
  'chapitre|livre|partie|kapitel|buch|teil|cap[ií]tulo|capitolo|libro|hoofdstuk|deel|rozdział|kapitola|luku|глава|часть|книга|розділ';
const TITLE = String.raw`(?:$|\s*[.:,—–-]+\s*(.*)$|\s+(\p{Lu}.*)$)`;
const CHAPTER = new RegExp(String.raw`^(?:${WORD}\s+${NUMBER}|(?:${FOREIGN_WORD})\s+${DIGITS})${TITLE}`, 'iu');
const ORDINAL_FIRST = new RegExp(
  String.raw`^(?:the\s+)?${ORDINAL}\s+(?:chapter|letter|book|part|volume|canto|act|scene|section|stave)\.?$`,
  'iu',
);
const FOREIGN_CHAPTER =
  /^(?:chapitre|kapitel|cap[ií]tulo|capitolo|hoofdstuk|rozdział|kapitola|глава|розділ)\s+\p{L}{3,20}(?:[\s-]\p{L}{3,20})?\.?$/iu;
const ASIAN =
  /^(?:第\s*[\d０-９一二三四五六七八九十百千零〇两]{1,7}\s*[章回节節卷话話篇部](?:\s*.{0,40})?|제\s*\d{1,4}\s*[장화부](?:\s.{0,40})?)$/u;
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
  if (block.length > 3) return undefined;
  // Marks of bold letters, or of a heading in another notation.
  const line = block
    .map((text) => text.trim())
    .join(' ')
    .replace(/^[*_=#~]+\s*(?=\S)|(?<=\S)\s*[*_=#~]+$/g, '');
  if (line.length > 100) return undefined;
  if (ORDINAL_FIRST.test(line) || FOREIGN_CHAPTER.test(line) || ASIAN.test(line)) return 'chapter';
  if (ROMAN_ALONE.test(line)) return 'part';
  if (NAMED.test(line) || ROMAN_TITLE.test(line)) return 'chapter';
  const match = CHAPTER.exec(line);
  if (!match) return undefined;
  // "Chapter 5 was long." and "Part one, he said, is done" are sentences; a title starts with a capital or a quotation mark.
  const title = match[1] ?? match[2] ?? '';
  return title === '' || /^[\p{Lu}\d"“‘'(]/u.test(title) ? 'chapter' : undefined;
}

const NUMBERED = /^(\d{1,3}|[IVXLC]{1,7})(?:([.):]|\s*[-–—])?\s*$|([.):]|\s*[-–—])\s+(.+)$)/u;
const NUMBERED_CHARS = 80;
// Fewer numbers in a row are no chapters, nor are numbers with next to nothing between them.
const LEAST_CHAPTERS = 3;
const LEAST_CHARS = 60;

/**
 * Finds the blocks of one line that count the chapters of a book, 1, 2, 3, … or I, II, III, …, alone or with a title behind them. Numbers of pages stand inside sentences.
 * @returns the indexes of the blocks
 */
export function numberedHeadings(blocks: readonly (readonly string[])[]): Set<number> {
  const candidates = blocks.map((block) => (block.length === 1 ? numberOf(block[0]!) : undefined));
  const chain: number[] = [];
  let expected = 1;
  let between = 0;
  for (const [i, number] of candidates.entries()) {
    const restarts = number === 1 && expected > 2;
    if (number === undefined || (number !== expected && !restarts)) {
      for (const line of blocks[i]!) between += line.length;
    } else if (candidates[i + 1] === undefined && i + 1 < blocks.length && (chain.length === 0 || between >= LEAST_CHARS)) {
      chain.push(i);
      expected = number + 1;
      between = 0;
    }
  }
  const divides = chain.filter(
    (i) => (i === 0 || /[.!?…:]["”’')\]]*\s*$|^[^\p{Ll}]*$/u.test(blocks[i - 1]!.at(-1)!)) && !/^\s*\p{Ll}/u.test(blocks[i + 1]![0]!),
  );
  return new Set(chain.length >= LEAST_CHAPTERS && divides.length >= 0.8 * chain.length ? chain : []);
}

function numberOf(line: string): number | undefined {
  const text = line.trim();
  const [, number, , , title] = (text.length <= NUMBERED_CHARS ? NUMBERED.exec(text) : undefined) ?? [];
  if (number === undefined) return undefined;
  if (title !== undefined && (!/^["“‘«¿¡]?[\p{Lu}\d]/u.test(title) || /[.!?,;:]["”’')]*$/.test(title))) return undefined;
  return /^\d/.test(number) ? Number(number) : romanNumber(number);
}

function romanNumber(roman: string): number {
  const values = Array.from(roman, (letter) => ({ I: 1, V: 5, X: 10, L: 50, C: 100 })[letter] ?? 0);
  return values.reduce((sum, value, i) => sum + (value < (values[i + 1] ?? 0) ? -value : value), 0);
}

/** True for a heading that is a name, such as Preface, and no number. */
export const isNamed = (block: readonly string[]): boolean => NAMED.test(block.map((text) => text.trim()).join(' '));

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
    const key = block.length === 1 && isEntry(block[0]!) ? entryKey(block[0]!.trim()) : '';
    if (key && seen.has(key)) break;
    if (seen.size > 1 && i - end > GAP) break;
    if (!block.every(isEntry) || looksLikeProse(block)) break;
    for (const line of block) seen.add(entryKey(line.trim()));
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
