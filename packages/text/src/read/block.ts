import { clearEnd } from '../clean/end.js';
import { clearFrame } from '../clean/gutenberg.js';
import { clearContents, headingLevel, LIST_HEADING, numberedHeadings } from '../clean/heading.js';
import { clear, type Lines } from '../clean/lines.js';
import { clearMarks } from '../clean/notes.js';
import { cutLong, cutNote } from '../split/long.js';
import type { Paragraph, ParsedText, Removal, Section } from '../types.js';
import { isLinePerParagraph, toParagraph } from './paragraph.js';

/** A block of a marked-up text as the parser gives it: front matter and lists are still in. */
export interface Block {
  /** One entry a deliberate line; blanks inside are single. */
  lines: string[];
  kind: 'text' | 'heading' | 'verse';
  /** Of a heading: 1 (the book or its parts) to 6. */
  level?: number;
  /** Share of the characters in links into the same text; a contents list has little else. */
  linked?: number;
  /** Names that links can lead to. */
  ids?: readonly string[];
  /** It begins with the number of a note, or leads back to one. */
  led?: boolean;
  /** Its place in the source: a file, and 1-based lines in it. */
  where: string;
  from: number;
  to: number;
}

/** A file of a marked-up format as its parser gives it. */
export interface Marked {
  title?: string | undefined;
  blocks: Block[];
  /** The parts that the parser left out. */
  removed: Removal[];
  /** Names that the numbers of notes lead to. */
  noted?: ReadonlySet<string>;
  /** The values of `where` in reading order; removals are sorted by it. By default the order in which they come. */
  order?: readonly string[];
}

// In characters: wide enough to tell deliberate line breaks from full lines.
const WIDTH = 72;
const LINKED = 0.8;
const LIST_LENGTH = 3;
const ENTRY_CHARS = 90;

/**
 * Blocks to one document. It removes Gutenberg's frame, contents lists and pictures as plain.ts does, and finds headings by their words in a text
 * that marks none. Chapters are the headings of one level and those above it.
 *
 * @param name id of the document, and its title when the text has none
 */
export function toDocument({ title, blocks: all, removed: gone, noted, order: reading = [] }: Marked, name: string): ParsedText {
  const { blocks, removed } = withoutNotes(all, gone, noted);
  const lines: Lines = { text: [], removed: [], where: name };
  const starts = blocks.map((block) => {
    const start = lines.text.length;
    for (const line of block.lines) lines.text.push(line);
    lines.text.push('');
    return start;
  });
  const framed = clearFrame(lines);
  clearLinked(lines, blocks, starts);
  if (blocks.filter(({ kind }) => kind === 'heading').length < 2) clearContents(lines);
  else clearLists(lines, blocks, starts);
  if (framed) clearTitlePage(lines, blocks, starts);
  clearEnd(lines, new Set(blocks.flatMap(({ kind }, b) => (kind === 'heading' ? [starts[b]!] : []))));
  clearMarks(lines, framed);
  const kept = blocks.flatMap((block, b): Block[] => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ ...block, lines: text }] : [];
  });
  const guess = kept.filter(({ kind }) => kind === 'heading').length < 2;
  const numbered = guess ? numberedHeadings(kept.map((block) => (block.kind === 'text' ? block.lines : []))) : new Set<number>();
  const marked = kept.map((block, i) => withLevel(block, guess, numbered.has(i)));
  const chapter = chapterLevel(marked);
  const removals = [...removed, ...lines.removed.flatMap((removal) => place(removal, blocks, starts))];
  const notes: string[] = [];
  const sections = divide(marked, chapter, title ?? name, removals, ({ where, from }, length, pieces) =>
    notes.push(cutNote(length, pieces, where === name ? `line ${from}` : `${where}:${from}`)),
  );
  const order = new Map<string, number>();
  for (const where of [...reading, ...[...blocks, ...removals].map((place) => place.where)])
    if (!order.has(where)) order.set(where, order.size);
  removals.sort((a, b) => order.get(a.where)! - order.get(b.where)! || a.from - b.from);
  return { document: { id: name, title: title ?? name, sections }, removed: removals, notes };
}

const SAMPLE_CHARS = 160;

/** Takes out the footnotes: blocks that a number in the text leads to, and that begin with a number or lead back. */
function withoutNotes(
  blocks: readonly Block[],
  removed: readonly Removal[],
  noted: ReadonlySet<string> = new Set(),
): { blocks: readonly Block[]; removed: readonly Removal[] } {
  const isNote = ({ ids, led }: Block): boolean => led === true && (ids ?? []).some((id) => noted.has(id));
  const notes = noted.size === 0 ? [] : blocks.filter(isNote);
  if (notes.length === 0) return { blocks, removed };
  return {
    blocks: blocks.filter((block) => !isNote(block)),
    removed: [
      ...removed,
      ...notes.map((note): Removal => ({ ...spot(note), what: 'footnote', sample: note.lines.join(' ').slice(0, SAMPLE_CHARS) })),
    ],
  };
}

/** Makes a lone numeral a heading inside a chapter, and, in a text that marks no headings, a line like "Chapter 5" a chapter heading. */
function withLevel(block: Block, guess: boolean, numbered: boolean): Block {
  const level = block.kind === 'text' ? (headingLevel(block.lines) ?? (numbered ? 'part' : undefined)) : undefined;
  if (!level || (!guess && level === 'chapter')) return block;
  return { ...block, kind: 'heading', level: level === 'chapter' ? 2 : guess ? 3 : 6 };
}

/** The level whose headings are chapters: the deepest one named so twice, else the shallowest that divides the text at all. */
function chapterLevel(blocks: readonly Block[]): number {
  const count = (filter: (block: Block) => boolean) =>
    [1, 2, 3, 4, 5, 6].map((level) => blocks.filter((block) => block.kind === 'heading' && block.level === level && filter(block)).length);
  const chapters = count(({ lines }) => headingLevel(lines) === 'chapter').findLastIndex((n) => n >= 2);
  if (chapters >= 0) return chapters + 1;
  const headings = count(() => true);
  const dividing = headings.findIndex((n) => n >= 2);
  return dividing >= 0 ? dividing + 1 : headings.findIndex((n) => n > 0) + 1;
}

function divide(
  blocks: readonly Block[],
  chapter: number,
  title: string,
  removed: Removal[],
  cut: (block: Block, length: number, pieces: number) => void,
): Section[] {
  const sections: Section[] = [{ title, paragraphs: [] }];
  let opened: Block | undefined;
  const close = () => {
    if (sections.at(-1)!.paragraphs.some(({ kind }) => kind !== 'heading')) return;
    for (const { text } of sections.pop()!.paragraphs)
      if (opened) removed.push({ ...spot(opened), what: 'heading without text', sample: text.slice(0, 60) });
    if (opened) removed.push({ ...spot(opened), what: 'heading without text', sample: opened.lines.join(' ').slice(0, 60) });
  };
  const add = ({ text, kind }: Paragraph, block: Block) => {
    const pieces = cutLong(text);
    if (pieces.length > 1) cut(block, text.length, pieces.length);
    sections.at(-1)!.paragraphs.push(...pieces.map((piece) => ({ text: piece, kind })));
  };
  for (const block of blocks) {
    if (block.kind === 'heading' && block.level! <= chapter) {
      close();
      opened = block;
      sections.push({ title: block.lines.join(' '), paragraphs: [] });
    } else if (block.kind === 'heading') {
      sections.at(-1)!.paragraphs.push({ text: block.lines.join(' '), kind: 'heading' });
    } else if (block.kind === 'verse') {
      add({ text: block.lines.join('\n'), kind: 'verse' }, block);
    } else if (isParagraphs(block.lines)) {
      for (const line of block.lines) add(toParagraph([line], WIDTH), block);
    } else {
      add(toParagraph(block.lines, WIDTH), block);
    }
  }
  close();
  return sections;
}

/** Clears runs of blocks that are links, which are contents lists under any heading, together with the heading above them. */
function clearLinked(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  for (let from = 0; from < blocks.length; from++) {
    let to = from;
    while (to < blocks.length && (blocks[to]!.linked ?? 0) >= LINKED) to++;
    if (to - from >= LIST_LENGTH) {
      const first = from > 0 && LIST_HEADING.test(blocks[from - 1]!.lines.join(' ')) ? from - 1 : from;
      clear(lines, starts[first]!, starts[to - 1]! + blocks[to - 1]!.lines.length - 1, 'contents list');
    }
    from = Math.max(from, to - 1);
  }
}

/** Clears the blocks between the Gutenberg header and the first chapter or real paragraph; the heading right above that paragraph stays. */
function clearTitlePage(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  const left = blocks.flatMap((block, b) => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ block, text, b }] : [];
  });
  const first = left.findIndex(({ text }) => headingLevel(text) !== undefined || isProse(text.join(' ')));
  const end = left[first - 1]?.block.kind === 'heading' ? first - 1 : first;
  for (const { block, b } of left.slice(0, Math.max(0, end))) clear(lines, starts[b]!, starts[b]! + block.lines.length - 1, 'title page');
}

/** True for a real paragraph; the capitals of a title page end in full stops too. */
const isProse = (text: string): boolean =>
  text.length >= 120 && /[.!?]["”’')]*$/.test(text) && (text.match(/\p{Ll}/gu)?.length ?? 0) > (text.match(/\p{Lu}/gu)?.length ?? 0);

/** Clears lists of contents or illustrations under their heading: short lines that end like no sentence, up to the next heading. */
function clearLists(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  blocks.forEach((block, b) => {
    if (!LIST_HEADING.test(block.lines.join(' ')) || !lines.text[starts[b]!]) return;
    let last = b;
    for (
      let next = b + 1;
      next < blocks.length &&
      blocks[next]!.kind !== 'heading' &&
      blocks[next]!.lines.every((line) => line.length <= ENTRY_CHARS && !/[.!?…]["”’')]*$/.test(line));
      next++
    )
      last = next;
    clear(lines, starts[b]!, starts[last]! + blocks[last]!.lines.length - 1, 'contents list');
  });
}

// No line that was wrapped is longer than this.
const WRAPPED_CHARS = 100;

/** True for paragraphs that only line breaks divide, as in stories on the web: a line is too long to be one that was wrapped, and they end like sentences. */
const isParagraphs = (lines: readonly string[]): boolean =>
  lines.length > 1 && lines.some((line) => line.length > WRAPPED_CHARS) && isLinePerParagraph(lines, 2);

const spot = ({ where, from, to }: Block) => ({ where, from, to });

/** Turns a removal counted in lines of all blocks into removals counted in lines of the source, one for each file it touches. */
function place({ from, to, what, sample }: Removal, blocks: readonly Block[], starts: readonly number[]): Removal[] {
  const touched = blocks.filter((block, b) => starts[b]! < to && starts[b]! + block.lines.length >= from);
  const places = new Map<string, Removal>();
  for (const block of touched) {
    const removal = places.get(block.where);
    if (removal) removal.to = Math.max(removal.to, block.to);
    else places.set(block.where, { ...spot(block), what, sample: places.size === 0 ? sample : block.lines[0]!.slice(0, 60) });
  }
  return [...places.values()];
}
