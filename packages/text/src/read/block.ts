import { clearEnd } from '../clean/end.js';
import { clearFrame, plainTitle } from '../clean/gutenberg.js';
import { clearContents, headingLevel, numberedHeadings } from '../clean/heading.js';
import type { Lines } from '../clean/lines.js';
import { clearMarks } from '../clean/notes.js';
import { cutLong, cutNote } from '../split/long.js';
import type { Paragraph, ParsedText, Removal, Section } from '../types.js';
import { clearLinked, clearLists, clearNavigation, clearTitlePage } from './front.js';
import type { Block, Marked } from './marked.js';
import { isLinePerParagraph, toParagraph } from './paragraph.js';

export type { Block, Marked } from './marked.js';

// In characters: wide enough to tell deliberate line breaks from full lines.
const WIDTH = 72;

/**
 * Blocks to one document. It removes Gutenberg's frame, contents lists and pictures as plain.ts does, and finds headings by their words in a text
 * that marks none. Chapters are the headings of one level and those above it.
 *
 * @param name id of the document, and its title when the text has none
 */
export function toDocument(
  { title: marked, blocks: all, removed: gone, noted, typographic = false, order: reading = [] }: Marked,
  name: string,
): ParsedText {
  const title = marked === undefined ? undefined : plainTitle(marked);
  const { blocks, removed } = withoutNotes(all, gone, noted);
  const lines: Lines = { text: [], removed: [], where: name };
  const starts = blocks.map((block) => {
    const start = lines.text.length;
    for (const line of block.lines) lines.text.push(line);
    lines.text.push('');
    return start;
  });
  const framed = clearFrame(lines);
  if (blocks.filter(({ kind }) => kind === 'heading').length < 2) clearContents(lines);
  else clearLists(lines, blocks, starts);
  clearLinked(lines, blocks, starts);
  clearNavigation(lines, blocks, starts);
  if (framed) clearTitlePage(lines, blocks, starts);
  clearEnd(lines, new Set(blocks.flatMap(({ kind }, b) => (kind === 'heading' ? [starts[b]!] : []))));
  clearMarks(lines, framed);
  const kept = blocks.flatMap((block, b): Block[] => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ ...block, lines: text }] : [];
  });
  const guess = kept.filter(({ kind }) => kind === 'heading').length < 2;
  const numbered = guess ? numberedHeadings(kept.map((block) => (block.kind === 'text' ? block.lines : []))) : new Set<number>();
  const levelled = kept.map((block, i) => withLevel(block, guess || typographic, numbered.has(i)));
  const chapter = chapterLevel(levelled);
  const removals = [...removed, ...lines.removed.flatMap((removal) => place(removal, blocks, starts))];
  const notes: string[] = [];
  const sections = divide(levelled, chapter, title ?? name, removals, ({ where, from }, length, pieces) =>
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

/**
 * The level whose headings are chapters: the deepest one named so twice, else the shallowest that divides the text at all. A level is no deeper one of
 * chapters if it stands in few of those above it: a chapter may quote the chapters of another book.
 */
function chapterLevel(blocks: readonly Block[]): number {
  const headings = blocks.filter(({ kind }) => kind === 'heading');
  const named = headings.filter(({ lines }) => headingLevel(lines) === 'chapter');
  const levels = [1, 2, 3, 4, 5, 6];
  const chapters = levels.filter((level) => named.filter((block) => block.level === level).length >= 2);
  while (chapters.length > 1) {
    const [upper, deeper] = chapters.slice(-2) as [number, number];
    const both = named.filter(({ level }) => level === upper || level === deeper);
    const divided = both.filter(({ level }, i) => level === upper && both[i + 1]?.level === deeper).length;
    if (divided >= both.filter(({ level }) => level === upper).length / 2) break;
    chapters.pop();
  }
  if (chapters.length > 0) return chapters.at(-1)!;
  const counts = levels.map((level) => headings.filter((block) => block.level === level).length);
  const dividing = counts.findIndex((n) => n >= 2);
  return dividing >= 0 ? dividing + 1 : counts.findIndex((n) => n > 0) + 1;
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
