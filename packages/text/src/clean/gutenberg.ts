import { headingLevel } from './heading.js';
import { blockEnd, blocksOf, clear, closing, type Lines } from './lines.js';

// Project Gutenberg has worded its frame in many ways since 1971, and in the language of the book.
const START = /^\s*\*+\s*START OF\s+(?:(?:THE|THIS)\s+)?(?:COPYRIGHTED\s+)?PROJECT GUTENBERG/i;
const PRINT_START = /^\W*START\W+THE SMALL PRINT/i;
const PRINT_END = /^\W*END\W+THE SMALL PRINT/i;
const STARRED_END = /^\s*\*+\s*END OF\s+(?:(?:THE|THIS)\s+)?(?:COPYRIGHTED\s+)?PROJECT GUTENBERG/i;
const PLAIN_END =
  /^\W{0,4}(?:this is the )?(?:end of (?:(?:the|this) )?|ende (?:dieses|des|von) |fin (?:de|du|del|des) |fine (?:di|del|dell['’]) ?|fim (?:de|do|da) |einde van |slutet? (?:på|av) |loppu )(?:\S{1,12} ){0,2}pro[jgy]\w{2,6} gutenberg/i;
const TITLE_LINE = /^\W*(?:the )?project gutenberg(?:['’]s)? (?:e-?text|e-?book|edition)\b/i;
// What the headers of the first thirty years say before the book begins.
const HEADER_WORDS =
  /project gutenberg|\be-?texts?\b|copyright laws|this header|first thing|do not (?:remove|change)|donations|plain vanilla|volunteers|^\s*(?:title|author|release date|posting date|edition|language|character set)[^:]{0,30}:/im;
const HEADER_BLOCKS = 60;
const PRODUCER =
  /^\s*(Produced by|E-?text prepared by|This (e-?text|ebook) was (produced|prepared) by|Scanned (and proofed )?by|Transcribed from)/i;
const ARCHIVE = /^\s*(?:.{0,200}\s)?(?:Posted originally on the Archive of Our Own\b|Please drop by the Archive and comment\b)/i;
const NOTE = /^\s*\[?\s*(Original )?Transcriber['’]?s?['’]? note/i;
const NOTE_WORDS =
  /\b(pages?|spelling|spelt|misprints?|printer|errors?|typographical|typos?|punctuation|hyphen\w*|corrected|changed|original|transcrib\w*|inconsisten\w*|illustrations?|footnotes?|mended)\b/i;
// A note in the last part of a file has nothing but itself behind it.
const LAST_SHARE = 0.8;
const PICTURE = /\[(Illustration|Frontispiece|Decoration|Blank Page|Tailpiece|Headpiece)\b/i;
const CHAPTER_IN_PICTURE = /^\s*((?:chapter|letter|book|part)\s+[ivxlcdm\d]+\.?)\s*\]\s*$/i;
const PICTURE_LINES = 40;

/**
 * Clears the parts that are not the author's: Project Gutenberg's headers, licences and production notes, and pictures. A file may hold several books.
 * @returns true if there was a Gutenberg header (a title page then follows it)
 */
export function clearFrame(lines: Lines): boolean {
  const framed = clearHeaders(lines);
  clearNotes(lines);
  clearPictures(lines);
  // Proofreaders' marks that were left in: /* … */ around a block that keeps its line breaks.
  if (framed) lines.text.forEach((line, i) => (lines.text[i] = line.replace(/^\s*\/[*#](\s+[A-Z]{3,})?\s?|\s?[*#]\/\s*$/g, '')));
  return framed;
}

function clearHeaders(lines: Lines): boolean {
  const { text } = lines;
  const last = text.length - 1;
  const half = text.length / 2;
  const find = (from: number, test: (line: string, i: number) => boolean): number => {
    for (let i = from; i < text.length; i++) if (test(text[i]!, i)) return i;
    return -1;
  };
  const isEnd = (line: string, i: number): boolean =>
    STARRED_END.test(line) || PLAIN_END.test(line) || (i > half && PRINT_START.test(line));
  let start = find(0, (line, i) => START.test(line) || (i <= half && PRINT_END.test(line)));
  const early = find(0, isEnd);
  let begun = 0;
  if (start >= 0 && (early < 0 || start < early || !TITLE_LINE.test(firstLine(text)))) {
    // The small print of some years stands behind the line that starts the book.
    const print = START.test(text[start]!) ? find(start + 1, (line, i) => i <= Math.min(half, start + 400) && PRINT_END.test(line)) : -1;
    start = print >= 0 ? print : markerEnd(text, start);
    clear(lines, 0, Math.min(start, last), 'Gutenberg header');
    begun = start + 1;
  } else if (TITLE_LINE.test(firstLine(text))) {
    start = 0;
    begun = clearOldHeader(lines);
  }
  // From the end of one book to the start of the next, as often as there is one.
  for (let end = find(begun, isEnd); end >= 0; end = find(begun, isEnd)) {
    const next = find(end + 1, (line) => START.test(line));
    const to = next < 0 ? last : markerEnd(text, next);
    clear(lines, end, Math.min(to, last), 'Gutenberg licence');
    begun = to + 1;
  }
  return start >= 0;
}

const firstLine = (text: readonly string[]): string => text.find((line) => line.trim()) ?? '';

/** The line that ends a marker: it may run over two lines, and ends with asterisks. */
function markerEnd(text: readonly string[], start: number): number {
  let end = start;
  while (end < start + 3 && end < text.length && START.test(text[start]!) && !/\*\s*$/.test(text[end]!)) end++;
  return end < text.length && /\*\s*$/.test(text[end]!) ? end : start;
}

/** Clears a header that no line ends: up to the last block with its words before the first chapter. @returns the line behind it */
function clearOldHeader(lines: Lines): number {
  let end = -1;
  let blocks = 0;
  for (const { from, to } of blocksOf(lines.text)) {
    const block = lines.text.slice(from, to + 1);
    if (++blocks > HEADER_BLOCKS || headingLevel(block)) break;
    if (block.some((line) => HEADER_WORDS.test(line))) end = to;
  }
  if (end >= 0) clear(lines, 0, end, 'Gutenberg header');
  return end + 1;
}

function clearNotes(lines: Lines): void {
  let blocks = 0;
  for (let i = 0; i < lines.text.length; i++) {
    if (!lines.text[i]!.trim()) continue;
    let end = blockEnd(lines.text, i);
    if (NOTE.test(lines.text[i]!)) {
      if (lines.text[i]!.includes('[')) {
        end = closing(lines.text, i, lines.text[i]!.indexOf('['), PICTURE_LINES)?.line ?? end;
      } else if (end === i && lines.text[i]!.trim().length < 30) {
        end = noteEnd(lines.text, i);
      }
      clear(lines, i, end, 'transcriber note');
    } else if ((blocks < 5 && PRODUCER.test(lines.text[i]!)) || lines.text.slice(i, end + 1).some((line) => ARCHIVE.test(line))) {
      clear(lines, i, end, 'producer note');
    }
    blocks++;
    i = end;
  }
}

/** The last line of a note under a heading of its own: the next block, and those behind it that speak of the edition or end the file. */
function noteEnd(text: readonly string[], heading: number): number {
  let end = heading;
  let blocks = 0;
  for (const { from, to } of blocksOf(text, heading + 1)) {
    const block = text.slice(from, to + 1);
    if (headingLevel(block)) break;
    if (blocks++ > 0 && from < LAST_SHARE * text.length && !block.some((line) => NOTE_WORDS.test(line))) break;
    end = to;
  }
  return end;
}

function clearPictures(lines: Lines): void {
  for (let i = 0; i < lines.text.length; i++) {
    let kept = '';
    let rest = lines.text[i]!;
    for (let open = rest.search(PICTURE); open >= 0; open = rest.search(PICTURE)) {
      lines.text[i] = rest;
      const end = closing(lines.text, i, open, PICTURE_LINES);
      const before = rest.slice(0, open).trimEnd();
      if (end?.line === i) {
        const after = rest.slice(end.column + 1);
        lines.text[i] = rest.slice(open, end.column + 1);
        clear(lines, i, i, 'illustration');
        kept += before;
        rest = after;
        continue;
      }
      clearTall(lines, i, end, before);
      kept += before;
      rest = '';
    }
    lines.text[i] = kept + rest || lines.text[i]!;
    if (kept) lines.text[i] = lines.text[i]!.trimEnd();
  }
}

/** Clears a picture that ends on a later line, or nowhere. */
function clearTall(lines: Lines, i: number, end: { line: number; column: number } | undefined, before: string): void {
  if (!end) {
    clear(lines, i, i, 'illustration');
    return;
  }
  const after = lines.text[end.line]!.slice(end.column + 1);
  // Some books draw the first chapter heading; the words inside the picture are the heading.
  const heading = lines.text
    .slice(i, end.line + 1)
    .map((text) => CHAPTER_IN_PICTURE.exec(text)?.[1])
    .find(Boolean);
  clear(lines, i, end.line, 'illustration');
  lines.text[i] = before;
  lines.text[end.line] = heading ?? after.trim();
}

const TITLE_FRAME =
  /^\W*(?:the )?project gutenberg(?:['’]s)?(?: (?:e-?text|e-?book)s?)?(?: of|:|,)? |(?:\s*(?:\||--|—|–|:|,)\s*|\s+)(?:(?:the|a) )?project gutenberg(?: (?:e-?text|e-?book))?\W*$/gi;

/** The title of a book without the words that Project Gutenberg puts around it. */
export const plainTitle = (title: string): string => {
  const plain = title.replace(TITLE_FRAME, '').trim();
  if (plain === title.trim() || plain === '') return title;
  return plain.replace(/(?<=\p{L}{3})\.$/u, '');
};
