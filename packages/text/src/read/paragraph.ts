import type { Paragraph } from '../types.js';

// Shares of the usual line width. Lines that end well before it were broken on purpose; with two lines alone they must be shorter still.
const VERSE_WIDTH = 0.8;
const COUPLET_WIDTH = 0.65;

/** A block of lines as a paragraph of prose or verse. `width` is the line width of the text, in characters. */
export function toParagraph(block: readonly string[], width: number): Paragraph {
  const text = block.map((line) => line.trim().replace(/\s+/g, ' '));
  const broken = text.slice(0, -1);
  const limit = (text.length > 2 ? VERSE_WIDTH : COUPLET_WIDTH) * width;
  const short = broken.filter((line) => line.length <= limit).length;
  const capitals = text.filter((line) => /^[^\p{L}\p{N}]*[\p{Lu}\p{N}]/u.test(line)).length;
  // Four lines that start with capitals are enough by themselves, as in a file of nothing but poems.
  const verse = text.length > 1 && (short >= broken.length / 2 || text.length >= 4) && capitals >= 0.75 * text.length;
  return { text: unwrap(text.join(verse ? '\n' : ' ')), kind: verse ? 'verse' : 'prose' };
}

/** Drops the underscores of italics: at the edge of a word, and in 7_s_. 6_d_.; snake_case and blanks like ____ stay. */
export const unwrap = (text: string) =>
  text
    .replace(/(?<![\p{L}\p{N}_])_(?!_)|(?<!_)_(?![\p{L}\p{N}_])|(?<=\p{N})_(?=\p{L}{1,2}_)/gu, '')
    .replace(/ {2,}/g, ' ')
    .trim();
