import { headingLevel, LIST_HEADING } from '../clean/heading.js';
import { clear, recordMany, type Lines } from '../clean/lines.js';
import type { Block } from './marked.js';

// What stands before and between the chapters of marked-up texts: title pages, lists of contents, links that lead from page to page.

const LINKED = 0.8;
const LIST_LENGTH = 3;
const ENTRY_CHARS = 90;
// An entry that leads to its page may describe it.
const LEADING_CHARS = 300;

const textOf = (block: Block): string => block.lines.join(' ');

/** Clears runs of blocks that are links, which are contents lists under any heading, together with the heading above them. */
export function clearLinked(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  for (let from = 0; from < blocks.length; from++) {
    let to = from;
    while (to < blocks.length && (blocks[to]!.linked ?? 0) >= LINKED) to++;
    if (to - from >= LIST_LENGTH) {
      const first = from > 0 && LIST_HEADING.test(textOf(blocks[from - 1]!)) ? from - 1 : from;
      clear(lines, starts[first]!, starts[to - 1]! + blocks[to - 1]!.lines.length - 1, 'contents list');
    }
    from = Math.max(from, to - 1);
  }
}

/**
 * Clears the blocks between the Gutenberg header and the first chapter or real paragraph; the heading right above that paragraph stays. A number of the
 * volume above the only heading of the book itself is no chapter.
 */
export function clearTitlePage(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  const left = blocks.flatMap((block, b) => {
    const text = lines.text.slice(starts[b], starts[b]! + block.lines.length).filter((line) => line.trim());
    return text.length > 0 ? [{ block, text, b }] : [];
  });
  const prose = left.findIndex(({ text }) => isProse(text.join(' ')));
  const titles = left.flatMap(({ block }, i) => (block.kind === 'heading' && block.level === 1 ? [i] : []));
  const title = titles.length === 1 && titles[0]! < prose ? titles[0]! : -1;
  const first = left.findIndex(({ text }, i) => i > title && (headingLevel(text) !== undefined || i === prose));
  const above = left[first - 1];
  const end = above?.block.kind === 'heading' && above.text.some((line) => /\p{L}/u.test(line)) ? first - 1 : first;
  for (const { block, b } of left.slice(0, Math.max(0, end))) clear(lines, starts[b]!, starts[b]! + block.lines.length - 1, 'title page');
}

/** True for a real paragraph; the capitals of a title page end in full stops too. */
const isProse = (text: string): boolean =>
  text.length >= 120 && /[.!?]["”’')]*$/.test(text) && (text.match(/\p{Ll}/gu)?.length ?? 0) > (text.match(/\p{Lu}/gu)?.length ?? 0);

const isShort = ({ lines }: Block): boolean => lines.every((line) => line.length <= ENTRY_CHARS);

/** True for an entry of a list that leads to a page, by a link or by its number. */
function isLeading(block: Block): boolean {
  const text = textOf(block);
  const linked = block.linked ?? 0;
  return (
    text.length <= LEADING_CHARS &&
    (linked > 0.3 || (linked > 0 && isShort(block)) || /\s(?:\d{1,4}|[ivxl]{1,7})(?: \(\p{L}\))?[;,]?$/u.test(text))
  );
}

/** True for an entry of a list: it ends like no sentence, leads to a page, or is a short line above one that does. */
function isEntry(block: Block, next: Block | undefined): boolean {
  if (isShort(block) && block.lines.every((line) => !/[.!?…]["”’')]*$/.test(line))) return true;
  return isLeading(block) || (isShort(block) && next !== undefined && next.kind !== 'heading' && isLeading(next));
}

// An index stands at the end; its letters may be headings of their own.
const INDEX_HEADING = /^\W*(?:(?:general|subject|alphabetical) )?index(?: (?:of|to) .{1,60})?\W*$/i;
const INDEX_SHARE = 0.6;

/** Clears lists of contents or illustrations, and an index, under their heading, up to the next heading or to prose. */
export function clearLists(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  blocks.forEach((block, b) => {
    const index = block.kind === 'heading' && b > INDEX_SHARE * blocks.length && INDEX_HEADING.test(textOf(block));
    if ((!index && !LIST_HEADING.test(textOf(block))) || !lines.text[starts[b]!]) return;
    // Indexes explain their signs first.
    let last =
      index && blocks[b + 3] && !isEntry(blocks[b + 1]!, undefined) && isLeading(blocks[b + 2]!) && isLeading(blocks[b + 3]!) ? b + 1 : b;
    const goesOn = (next: Block): boolean => next.kind !== 'heading' || (index && /^\W*\p{L}\W*$/u.test(textOf(next)));
    for (let next = last + 1; next < blocks.length && goesOn(blocks[next]!) && isEntry(blocks[next]!, blocks[next + 1]); next++)
      last = next;
    clear(lines, starts[b]!, starts[last]! + blocks[last]!.lines.length - 1, 'contents list');
  });
}

// A link that comes this often leads through the book; its words, or those of the place it leads to, say so at once.
const AGAIN = 3;
const STEP_CHARS = 80;
const STEPS =
  /^(?:previous|prev|next|back|return|go|first|last|chapters?|pages?|contents|table|toc|index|home|menu|list|top|up|down|start|of|to|the|main|\W|\d)+$/iu;

/** Clears blocks that are nothing but links from place to place, such as "Previous | Contents | Next". */
export function clearNavigation(lines: Lines, blocks: readonly Block[], starts: readonly number[]): void {
  const steps = blocks.flatMap((block, b) =>
    block.links && block.kind !== 'heading' && textOf(block).length <= STEP_CHARS && lines.text[starts[b]!] ? [b] : [],
  );
  const counts = new Map<string, number>();
  for (const b of steps) counts.set(textOf(blocks[b]!), (counts.get(textOf(blocks[b]!)) ?? 0) + 1);
  const gone = steps.filter((b) => STEPS.test(textOf(blocks[b]!)) || counts.get(textOf(blocks[b]!))! >= AGAIN);
  const touched = gone.flatMap((b) => blocks[b]!.lines.map((_, i) => starts[b]! + i));
  for (const line of touched) lines.text[line] = '';
  recordMany(lines, touched, 'navigation', gone.length > 0 ? textOf(blocks[gone[0]!]!) : '');
}
