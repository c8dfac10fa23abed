import { mustBe } from '@mdiff/arguments';
import { plainCharacters } from '../clean/characters.js';
import { clearEnd } from '../clean/end.js';
import { clearFrame } from '../clean/gutenberg.js';
import { clearContents, headingLevel, isNamed, numberedHeadings, type Level } from '../clean/heading.js';
import { mendHyphens, mendNotes } from '../clean/hyphen.js';
import { blocksOf, clear, type Lines } from '../clean/lines.js';
import { clearMarks } from '../clean/notes.js';
import { findFurniture } from '../clean/pages.js';
import { cutLong, cutNote } from '../split/long.js';
import type { ParsedText, Section } from '../types.js';
import { cutIndented, isLinePerParagraph, toParagraph, unwrap } from './paragraph.js';

const UNWRAPPED_WIDTH = 120;

/**
 * Plain text to one document: hard-wrapped lines joined, `_italics_` unwrapped, chapters found by their headings, paragraphs by blank lines,
 * and everything that is not the author's text removed and reported (1-based line numbers). Reads no files and knows no other formats.
 *
 * @param source decoded text; a byte-order mark and CRLF are accepted
 * @param name file name or the like: the document's id, and its title when the text has none
 */
export function parsePlain(source: string, name: string): ParsedText {
  mustBe('parsePlain', 'source', source, 'string');
  mustBe('parsePlain', 'name', name, 'string');
  const lines: Lines = { text: plainCharacters(source).split(/\r\r\n|\r\n|\r|\n|\u2028|\u2029/), removed: [], where: name };
  const title = bookTitle(lines.text);
  const framed = clearFrame(lines);
  clearContents(lines);
  if (framed) clearTitlePage(lines);
  clearEnd(lines);
  const breaks = clearPages(lines);
  clearMarks(lines, framed);
  const notes = mendNotes(mendHyphens(lines.text, 'keep'));
  const sections = divide(lines, title ?? name, breaks, notes);
  return { document: { id: name, title: title ?? name, sections }, removed: lines.removed.sort((a, b) => a.from - b.from), notes };
}

/** Clears page numbers and running heads where form feeds show the pages. Returns the lines at which a page starts. */
function clearPages(lines: Lines): Set<number> {
  const starts = lines.text.flatMap((line, i) => (i > 0 && line.includes('\f') ? [i] : []));
  const edges = [0, ...starts, lines.text.length];
  const pages = edges.slice(1).map((end, p) => lines.text.slice(edges[p], end));
  if (starts.length > 1)
    for (const { page, line, what } of findFurniture(pages)) clear(lines, edges[page]! + line, edges[page]! + line, what);
  return new Set(starts);
}

function divide(lines: Lines, title: string, breaks: ReadonlySet<number>, notes: string[]): Section[] {
  const { blocks, levels, chapter } = outlineOf(lines.text, breaks);
  const sorted = lines.text
    .map((line) => line.trimEnd().length)
    .filter((length) => length > 0)
    .sort((a, b) => a - b);
  const width = sorted[Math.floor(sorted.length * 0.9)] ?? 0;
  const sections: Section[] = [{ title, paragraphs: [] }];
  let opened: { from: number; to: number } | undefined;
  const close = () => {
    if (sections.at(-1)!.paragraphs.some(({ kind }) => kind !== 'heading')) return;
    sections.pop();
    // Where each line is a paragraph, the text goes on in the next line.
    if (opened) clear(lines, opened.from, opened.to, 'heading without text');
  };
  const add = (block: string[], wrapped: number, from: number) => {
    const { text, kind } = toParagraph(block, wrapped);
    const pieces = cutLong(text);
    if (pieces.length > 1) notes.push(cutNote(text.length, pieces.length, `line ${from + 1}`));
    sections.at(-1)!.paragraphs.push(...pieces.map((piece) => ({ text: piece, kind })));
  };
  blocks.forEach(({ from, to }, i) => {
    const block = lines.text.slice(from, to + 1).filter((line) => line.trim());
    if (levels[i] === chapter) {
      close();
      opened = { from, to };
      sections.push({ title: unwrap(block.map((line) => line.trim()).join(' ')), paragraphs: [] });
    } else if (levels[i] || (opened && i > 0 && levels[i - 1] === chapter && isSubtitle(block))) {
      sections.at(-1)!.paragraphs.push({ text: unwrap(block.join(' ').trim()), kind: 'heading' });
    } else if (width > UNWRAPPED_WIDTH && (!/^\s/.test(block[0]!) || block.some((line) => line.length > UNWRAPPED_WIDTH))) {
      // One line is one paragraph here, so that a file without blank lines does not become a single paragraph.
      block.forEach((line, k) => add([line], width, from + k));
    } else {
      for (const part of cutIndented(block)) add(part.lines, Math.min(width, UNWRAPPED_WIDTH), from + part.from);
    }
  });
  close();
  for (const section of sections) section.paragraphs = section.paragraphs.filter(({ text }) => text !== '');
  return sections;
}

/** The blocks of a text, the part of the book that each of them opens, and the kind of part that is a chapter here. */
function outlineOf(
  text: readonly string[],
  breaks: ReadonlySet<number>,
): { blocks: { from: number; to: number }[]; levels: Level[]; chapter: NonNullable<Level> } {
  const single = isLinePerParagraph(text);
  const whole = [...blocksOf(text)];
  const blocks = single
    ? whole.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => ({ from: from + i, to: from + i })))
    : joinedOverBreaks(whole, text, breaks);
  const bodies = blocks.map(({ from, to }) => text.slice(from, to + 1).map(unwrap));
  const numbered = numberedHeadings(bodies);
  const levels = bodies.map((body, i): Level => headingLevel(body) ?? (numbered.has(i) ? 'part' : undefined));
  // A book that only numbers its parts has those for chapters, beside a preface.
  const chapters = bodies.filter((body, i) => levels[i] === 'chapter' && !isNamed(body)).length;
  const parts = levels.filter((level) => level === 'part').length;
  if (chapters > 0 || parts === 0) return { blocks, levels, chapter: 'chapter' };
  return { blocks, levels: levels.map((level) => (level === 'chapter' ? 'part' : level)), chapter: 'part' };
}

/** Joins the two blocks of a paragraph that runs over a page break: the first stops inside a sentence, the second goes on in lower case. */
function joinedOverBreaks(
  blocks: { from: number; to: number }[],
  text: readonly string[],
  breaks: ReadonlySet<number>,
): { from: number; to: number }[] {
  if (breaks.size === 0) return blocks;
  const joined: { from: number; to: number }[] = [];
  for (const block of blocks) {
    const before = joined.at(-1);
    const broken =
      before !== undefined && Array.from({ length: block.from - before.to }, (_, k) => before.to + 1 + k).some((line) => breaks.has(line));
    if (broken && !/[.!?…:]["”’')\]]*\s*$/.test(text[before.to]!) && /^\s*\p{Ll}/u.test(text[block.from]!)) before.to = block.to;
    else joined.push({ ...block });
  }
  return joined;
}

/** True for the name of a chapter under its number: one short line that is not a sentence. */
function isSubtitle(block: readonly string[]): boolean {
  const line = block[0]!.trim();
  return (
    block.length === 1 &&
    line.length <= 70 &&
    (line === line.toUpperCase() || !/[.!?:,;…—-]["”’')_]*$/.test(line)) &&
    /^[\p{Lu}"“‘]/u.test(line)
  );
}

function bookTitle(text: readonly string[]): string | undefined {
  for (const line of text.slice(0, 60)) {
    const title = /^\s*Title:\s*(.+?)\s*$/.exec(line)?.[1];
    if (title) return title;
  }
  return undefined;
}

/** Clears the blocks between the Gutenberg header and the first chapter or real paragraph, and a printer's line or "THE END" at the end. */
function clearTitlePage(lines: Lines): void {
  for (const { from, to } of blocksOf(lines.text)) {
    const block = lines.text.slice(from, to + 1);
    const joined = block.map((line) => line.trim()).join(' ');
    const prose =
      joined.length >= 120 &&
      /[.!?]["”’')_]*$/.test(joined) &&
      /\p{Ll}{3}/u.test(joined) &&
      block.filter((line) => line.trim().length > 50).length > block.length / 2;
    if (prose || headingLevel(block.map(unwrap))) break;
    clear(lines, from, to, 'title page');
  }
  for (const { from, to } of [...blocksOf(lines.text)].reverse()) {
    if (/\p{Ll}/u.test(lines.text.slice(from, to + 1).join(''))) break;
    clear(lines, from, to, 'title page');
  }
}
