import type { Block } from './block.js';

/** An entry of a book's own list of chapters. */
export interface Entry {
  label: string;
  /** The page, as `Block.where` names it. */
  where: string;
  /** The place in it; empty for its beginning. */
  id: string;
}

const plain = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
// Entries to the beginning of a page may stand a few blocks above its heading.
const NEAR = 3;
// A list with fewer entries than this divides nothing.
const FEW = 2;

/**
 * Makes headings of the blocks that a book's own list of chapters names, where its markup does not: books call them by a class alone, or in any language.
 * An entry at which no block has its name becomes a heading itself.
 */
export function withChapters(blocks: readonly Block[], entries: readonly Entry[]): Block[] {
  const first = new Map<string, number>();
  const named = new Map<string, number>();
  blocks.forEach(({ where, ids = [] }, b) => {
    if (!first.has(where)) first.set(where, b);
    for (const id of ids) if (!named.has(`${where}#${id}`)) named.set(`${where}#${id}`, b);
  });
  const starts = entries.flatMap(({ label, where, id }) => {
    const start = (id ? named.get(`${where}#${id}`) : undefined) ?? (id ? undefined : first.get(where));
    return start === undefined || !label ? [] : [{ label, start }];
  });
  if (starts.length < FEW) return [...blocks];
  const levels = starts.flatMap(({ start }) => blocks.slice(start, start + NEAR).find(({ kind }) => kind === 'heading')?.level ?? []);
  // Most of the book is marked up: its headings are right.
  if (levels.length > starts.length / 2) return [...blocks];
  const level = levels[0] ?? 2;
  const made = new Map<number, Block>();
  const added = new Map<number, Block>();
  for (const { label, start } of starts) {
    const near = Array.from({ length: NEAR }, (_, k) => start + k).filter((b) => blocks[b]?.where === blocks[start]!.where);
    if (near.some((b) => blocks[b]!.kind === 'heading')) continue;
    const same = near.find(
      (b) =>
        plain(blocks[b]!.lines.join(' ')) === plain(label) ||
        (blocks[b]!.lines.join(' ').length < 40 && plain(label).includes(plain(blocks[b]!.lines.join(' '))) && b === start),
    );
    const block = blocks[same ?? start]!;
    if (same !== undefined) made.set(same, { ...block, lines: [block.lines.join(' ')], kind: 'heading', level });
    else added.set(start, { lines: [label], kind: 'heading', level, where: block.where, from: block.from, to: block.from });
  }
  return blocks.flatMap((block, b) => {
    const heading = added.get(b);
    return heading ? [heading, made.get(b) ?? block] : [made.get(b) ?? block];
  });
}
