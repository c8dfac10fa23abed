import type { Removal } from '../types.js';
import type { Block } from './block.js';

// What is known of the blocks inside a tag only when it closes.

const CELL_CHARS = 60;
const SAMPLE_CHARS = 160;

/** Puts the cells of a row together that are paragraphs of their own, if each is as short as those of a table are. `from` is the first block of the row. */
export function joinRow(blocks: Block[], from: number, cells: number): void {
  const inside = blocks.slice(from);
  const short = inside.every(({ kind, lines }) => kind === 'text' && lines.length === 1 && lines[0]!.length <= CELL_CHARS);
  if (inside.length < 2 || inside.length > cells || !short) return;
  const ids = inside.flatMap((cell) => cell.ids ?? []);
  blocks.length = from;
  blocks.push({
    ...inside[0]!,
    lines: [inside.map((cell) => cell.lines[0]!).join(' ')],
    ...(ids.length > 0 && { ids }),
    to: inside.at(-1)!.to,
  });
}

/** Takes the blocks since `from` out that are no headings. @returns the removal that reports them */
export function withoutText(blocks: Block[], from: number): Removal | undefined {
  const inside = blocks.splice(from);
  const gone = inside.filter(({ kind }) => kind !== 'heading');
  for (const block of inside) if (block.kind === 'heading') blocks.push(block);
  if (gone.length === 0) return undefined;
  const sample = gone
    .flatMap(({ lines }) => lines)
    .join(' ')
    .slice(0, SAMPLE_CHARS);
  return { where: gone[0]!.where, from: gone[0]!.from, to: gone.at(-1)!.to, what: 'front matter', sample };
}
