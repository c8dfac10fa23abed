import { splitSections, tokensOfBytes } from '@mdiff/text';
import type { Volume } from './read.js';

/** The split of a shelf: for each volume, for each of its paragraphs, whether it is held out. */
export interface ShelfSplit {
  /** documents to train on, and held out */
  train: number;
  heldOut: number;
  /** indexed by volume, then by paragraph of the file */
  held: boolean[][];
}

/** Splits a shelf as `holdOut` of @mdiff/text splits documents in memory, from the sizes of their paragraphs. */
export function splitShelf(volumes: readonly Volume[], valSplit: number): ShelfSplit {
  const sections = volumes.flatMap(({ outline }, volume) => outline.sections.map((sizes) => ({ volume, sizes })));
  const { pieces } = splitSections(
    sections.map(({ sizes }) => sizes.length),
    valSplit,
    () => sections.map(({ sizes }) => sizes.map(tokensOfBytes)),
  );
  const held: boolean[][] = volumes.map(() => []);
  // The pieces come in the order of the text, and together they are all of it.
  for (const { section, from, to, heldOut } of pieces) {
    const list = held[sections[section]!.volume]!;
    for (let paragraph = from; paragraph < to; paragraph++) list.push(heldOut);
  }
  const count = pieces.filter(({ heldOut }) => heldOut).length;
  return { train: pieces.length - count, heldOut: count, held };
}
