import type { Removal } from '../types.js';

/** A block of a marked-up text as the parser gives it: front matter and lists are still in. */
export interface Block {
  /** One entry a deliberate line; blanks inside are single. */
  lines: string[];
  kind: 'text' | 'heading' | 'verse';
  /** Of a heading: 1 (the book or its parts) to 6. */
  level?: number;
  /** Share of the characters in links into the same text; a contents list has little else. */
  linked?: number;
  /** It consists of links, wherever they lead. */
  links?: boolean;
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
  /** Headings are told by the size of their letters, which pages that were scanned do not hold: a block that says "Chapter 5" is one too. */
  typographic?: boolean;
  /** Names that the numbers of notes lead to. */
  noted?: ReadonlySet<string>;
  /** The values of `where` in reading order; removals are sorted by it. By default the order in which they come. */
  order?: readonly string[];
}
