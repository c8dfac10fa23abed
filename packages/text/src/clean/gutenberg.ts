import type { Removal } from '../types.js';

/** A book as lines. A removed line becomes an empty one, so that line numbers and paragraph breaks do not move. */
export interface Lines {
  text: string[];
  removed: Removal[];
  where: string;
}

const START = /^\s*\*{3}\s*START OF (THE|THIS) PROJECT GUTENBERG/i;
const SMALL_PRINT = /^\*?END\s*\*?\s*THE SMALL PRINT/i;
const END = /^\s*(\*{3}\s*END OF (THE|THIS) PROJECT GUTENBERG|End of (the )?Project Gutenberg)/i;
const PRODUCER =
  /^\s*(Produced by|E-?text prepared by|This (e-?text|ebook) was (produced|prepared) by|Scanned (and proofed )?by|Transcribed from)/i;
const NOTE = /^\s*\[?\s*(Original )?Transcriber['’]?s?['’]? note/i;
const PICTURE = /\[(Illustration|Frontispiece|Decoration|Blank Page|Tailpiece|Headpiece)\b/i;
const CHAPTER_IN_PICTURE = /^\s*((?:chapter|letter|book|part)\s+[ivxlcdm\d]+\.?)\s*\]\s*$/i;

const PICTURE_LINES = 40;

/**
 * Clears the parts that are not the author's: Project Gutenberg's header, licence and production notes, and pictures.
 * @returns true if there was a Gutenberg header (a title page then follows it)
 */
export function clearFrame(lines: Lines): boolean {
  const start = lines.text.findIndex((line) => START.test(line) || SMALL_PRINT.test(line));
  let header = start;
  // The marker may run over two lines; it ends with asterisks.
  while (header >= 0 && header < start + 3 && START.test(lines.text[start]!) && !/\*{3}\s*$/.test(lines.text[header]!)) header++;
  if (start >= 0) clear(lines, 0, Math.min(header, lines.text.length - 1), 'Gutenberg header');
  const end = lines.text.findIndex((line, i) => i > start && END.test(line));
  if (end >= 0) clear(lines, end, lines.text.length - 1, 'Gutenberg licence');
  clearNotes(lines);
  clearPictures(lines);
  // Proofreaders' marks that were left in: /* … */ around a block that keeps its line breaks.
  if (start >= 0) lines.text.forEach((line, i) => (lines.text[i] = line.replace(/^\s*\/[*#](\s+[A-Z]{3,})?\s?|\s?[*#]\/\s*$/g, '')));
  return start >= 0;
}

/** Empties lines `from`…`to` (0-based, inclusive) and records them, unless they are blank already. */
export function clear(lines: Lines, from: number, to: number, what: Removal['what']): void {
  while (from <= to && !lines.text[from]!.trim()) from++;
  while (to >= from && !lines.text[to]!.trim()) to--;
  if (from > to) return;
  lines.removed.push({ where: lines.where, from: from + 1, to: to + 1, what, sample: lines.text[from]!.trim().slice(0, 60) });
  lines.text.fill('', from, to + 1);
}

/** Index of the last line of the block that holds line `line`. */
export function blockEnd(text: readonly string[], line: number): number {
  while (line + 1 < text.length && text[line + 1]!.trim()) line++;
  return line;
}

function clearNotes(lines: Lines): void {
  let blocks = 0;
  for (let i = 0; i < lines.text.length; i++) {
    if (!lines.text[i]!.trim()) continue;
    let end = blockEnd(lines.text, i);
    if (NOTE.test(lines.text[i]!)) {
      if (lines.text[i]!.includes('[')) {
        end = closing(lines.text, i, lines.text[i]!.indexOf('['))?.line ?? end;
      } else if (end === i && lines.text[i]!.trim().length < 30) {
        // A heading by itself: the note is the next block.
        const next = lines.text.findIndex((line, k) => k > end && line.trim());
        if (next >= 0) end = blockEnd(lines.text, next);
      }
      clear(lines, i, end, 'transcriber note');
    } else if (blocks < 5 && PRODUCER.test(lines.text[i]!)) {
      clear(lines, i, end, 'producer note');
    }
    blocks++;
    i = end;
  }
}

function clearPictures(lines: Lines): void {
  for (let i = 0; i < lines.text.length; i++) {
    const line = lines.text[i]!;
    const open = line.search(PICTURE);
    if (open < 0) continue;
    const end = closing(lines.text, i, open);
    if (!end) {
      clear(lines, i, i, 'illustration');
      continue;
    }
    const before = line.slice(0, open).trimEnd();
    const after = lines.text[end.line]!.slice(end.column + 1);
    // Some books draw the first chapter heading; the words inside the picture are the heading.
    const heading = lines.text
      .slice(i, end.line + 1)
      .map((text) => CHAPTER_IN_PICTURE.exec(text)?.[1])
      .find(Boolean);
    clear(lines, i, end.line, 'illustration');
    lines.text[i] = before;
    lines.text[end.line] = heading ?? (end.line === i ? (before + after).trimEnd() : after.trim());
    if (after.trim()) i--;
  }
}

/** The place that closes the bracket opened at (`line`, `column`), nested ones counted; undefined if none does within the lines of a picture. */
function closing(text: readonly string[], line: number, column: number): { line: number; column: number } | undefined {
  let depth = 0;
  for (let i = line; i < Math.min(text.length, line + PICTURE_LINES); i++) {
    const from = i === line ? column : 0;
    for (let k = from; k < text[i]!.length; k++) {
      if (text[i]![k] === '[') depth++;
      else if (text[i]![k] === ']' && --depth === 0) return { line: i, column: k };
    }
  }
  return undefined;
}
