import { clear, clearFrame, type Lines } from '../clean/gutenberg.js';
import { clearContents, headingLevel } from '../clean/heading.js';
import { cutLong, cutNote } from '../split/long.js';
import { toParagraph, type ParsedText } from './plain.js';
import type { Paragraph, Removal, Section } from '../types.js';

/** A block of a marked-up text, before anything is decided about it. */
export interface Block {
  /** One entry per line that was broken on purpose; blanks inside are single. */
  lines: string[];
  kind: 'text' | 'heading' | 'verse';
  /** Of a heading: 1 (the book or its parts) to 6. */
  level?: number;
  /** Share of the characters that are links into the same text: a contents list is made of them. */
  linked?: number;
  /** Where it stands in the source: a file, and 1-based lines in it. */
  where: string;
  from: number;
  to: number;
}

/** What a parser of a marked-up format makes of a file. */
export interface Marked {
  title?: string | undefined;
  blocks: Block[];
  /** What the parser itself left out. */
  removed: Removal[];
  /** The names that removals may have, in the order of reading; by default as they come. */
  order?: readonly string[];
}

// Wide enough that lines broken on purpose are told from full ones.
const WIDTH = 72;
const LINKED = 0.8;
const LIST_LENGTH = 3;
const LIST = /^\W*(table of )?contents\W*$|^\W*(list of )?illustrations\W*$/i;
const ENTRY_CHARS = 90;

/**
 * Blocks to one document. Gutenberg's frame, contents lists and pictures go as they do in plain text, and a text whose headings are not marked up has
 * them found by their words. Chapters are the headings of one level and those above it.
 *
 * @param name id of the document, and its title when the text has none
 */
export function toDocument({ title, blocks, removed, order: known = [] }: Marked, name: string): ParsedText {
  const lines: Lines = { text: [], removed: [], where: name };
  const starts = blocks.map((block) => {
    const start = lines.text.length;
    lines.text.push(...block.lines, '');
    return start;
  });
  const framed = clearFrame(lines);
  clearLinked(lines, blocks, starts);
  if (blocks.filter(({ kind }) => kind === 'heading').length < 2) clearContents(lines);
  else clearLists(lines, blocks, starts);
  if (framed) clearTitlePage(lines, blocks, starts);
  const kept = blocks.flatMap((block, b): Block[] => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ ...block, lines: text }] : [];
  });
  const marked = kept.map(withLevel(kept.filter(({ kind }) => kind === 'heading').length < 2));
  const chapter = chapterLevel(marked);
  const gone = [...removed, ...lines.removed.flatMap((removal) => place(removal, blocks, starts))];
  const notes: string[] = [];
  const sections = divide(marked, chapter, title ?? name, gone, ({ where, from }, length, pieces) => notes.push(cutNote(length, pieces, where === name ? `line ${from}` : `${where}:${from}`)));
  const order = new Map<string, number>();
  for (const where of [...known, ...[...blocks, ...gone].map((place) => place.where)]) if (!order.has(where)) order.set(where, order.size);
  gone.sort((a, b) => order.get(a.where)! - order.get(b.where)! || a.from - b.from);
  return { document: { id: name, title: title ?? name, sections }, removed: gone, notes };
}

/** A lone numeral is a heading inside a chapter; where no headings are marked up, a line like "Chapter 5" is one too. */
const withLevel = (guess: boolean) => (block: Block): Block => {
  const level = block.kind === 'text' ? headingLevel(block.lines) : undefined;
  if (!level || (!guess && level === 'chapter')) return block;
  return { ...block, kind: 'heading', level: level === 'chapter' ? 2 : guess ? 3 : 6 };
};

/** The level whose headings are chapters: the deepest one named so twice, else the shallowest that divides the text at all. */
function chapterLevel(blocks: readonly Block[]): number {
  const count = (filter: (block: Block) => boolean) => [1, 2, 3, 4, 5, 6].map((level) => blocks.filter((block) => block.kind === 'heading' && block.level === level && filter(block)).length);
  const named = count(({ lines }) => headingLevel(lines) === 'chapter').findLastIndex((n) => n >= 2);
  if (named >= 0) return named + 1;
  const any = count(() => true);
  const divides = any.findIndex((n) => n >= 2);
  return divides >= 0 ? divides + 1 : any.findIndex((n) => n > 0) + 1;
}

function divide(blocks: readonly Block[], chapter: number, title: string, removed: Removal[], cut: (block: Block, length: number, pieces: number) => void): Section[] {
  const sections: Section[] = [{ title, paragraphs: [] }];
  let opened: Block | undefined;
  const close = () => {
    if (sections.at(-1)!.paragraphs.some(({ kind }) => kind !== 'heading')) return;
    for (const { text } of sections.pop()!.paragraphs) if (opened) removed.push({ ...spot(opened), what: 'heading without text', sample: text.slice(0, 60) });
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
    } else {
      add(toParagraph(block.lines, WIDTH), block);
    }
  }
  close();
  return sections;
}

/** A run of blocks that are links is a contents list, whatever it is called; the heading above it goes with it. */
function clearLinked(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  for (let from = 0; from < blocks.length; from++) {
    let to = from;
    while (to < blocks.length && (blocks[to]!.linked ?? 0) >= LINKED) to++;
    if (to - from >= LIST_LENGTH) {
      const first = from > 0 && LIST.test(blocks[from - 1]!.lines.join(' ')) ? from - 1 : from;
      clear(lines, starts[first]!, starts[to - 1]! + blocks[to - 1]!.lines.length - 1, 'contents list');
    }
    from = Math.max(from, to - 1);
  }
}

/** Clears what stands between the Gutenberg header and the first chapter or the first real paragraph; the heading right above that paragraph stays. */
function clearTitlePage(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  const left = blocks.flatMap((block, b) => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ block, text, b }] : [];
  });
  const first = left.findIndex(({ text }) => headingLevel(text) !== undefined || (text.join(' ').length >= 120 && /[.!?]["”’')]*$/.test(text.at(-1)!)));
  const end = left[first - 1]?.block.kind === 'heading' ? first - 1 : first;
  for (const { block, b } of left.slice(0, Math.max(0, end))) clear(lines, starts[b]!, starts[b]! + block.lines.length - 1, 'title page');
}

/** A list of contents or illustrations under its heading, of short lines that end like no sentence; the next heading ends it. */
function clearLists(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  blocks.forEach((block, b) => {
    if (!LIST.test(block.lines.join(' ')) || !lines.text[starts[b]!]) return;
    let last = b;
    for (let next = b + 1; next < blocks.length && blocks[next]!.kind !== 'heading' && blocks[next]!.lines.every((line) => line.length <= ENTRY_CHARS && !/[.!?…]["”’')]*$/.test(line)); next++) last = next;
    clear(lines, starts[b]!, starts[last]! + blocks[last]!.lines.length - 1, 'contents list');
  });
}

const spot = ({ where, from, to }: Block) => ({ where, from, to });

/** A removal counted in lines of all blocks, in lines of the source again: one for each file it touches. */
function place({ from, to, what, sample }: Removal, blocks: readonly Block[], starts: readonly number[]): Removal[] {
  const touched = blocks.filter((block, b) => starts[b]! < to && starts[b]! + block.lines.length >= from);
  const places = new Map<string, Removal>();
  for (const block of touched) {
    const known = places.get(block.where);
    if (known) known.to = Math.max(known.to, block.to);
    else places.set(block.where, { ...spot(block), what, sample: places.size === 0 ? sample : block.lines[0]!.slice(0, 60) });
  }
  return [...places.values()];
}
