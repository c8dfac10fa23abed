import type { Paragraph } from '../types.js';

// Shares of the usual line width. Lines that end well before it were broken on purpose; with two lines alone they must be shorter still.
const VERSE_WIDTH = 0.8;
const COUPLET_WIDTH = 0.65;
// Lines of verse that begin in lower case are shorter than any line that was wrapped.
const FREE_WIDTH = 0.6;
// Verse as wide as its text has marks at the ends of its lines; prose ends them anywhere.
const MARKED_SHARE = 0.5;

/** A block of lines as a paragraph of prose or verse. `width` is the line width of the text, in characters. */
export function toParagraph(block: readonly string[], width: number): Paragraph {
  const text = block.map((line) => line.trim().replace(/\s+/g, ' '));
  const verse = isVerse(text, width);
  return { text: unwrap(verse ? text.join('\n') : joinLines(text)), kind: verse ? 'verse' : 'prose' };
}

function isVerse(text: readonly string[], width: number): boolean {
  if (text.length < 2) return false;
  const broken = text.slice(0, -1);
  const limit = (text.length > 2 ? VERSE_WIDTH : COUPLET_WIDTH) * width;
  const short = broken.filter((line) => line.length <= limit).length;
  const capitals = text.filter((line) => /^[^\p{L}\p{N}]*[\p{Lu}\p{N}]/u.test(line)).length;
  if (capitals < 0.75 * text.length) return text.length > 2 && broken.every((line) => line.length <= FREE_WIDTH * width);
  const marked = text.filter((line) => /[\p{P}]$/u.test(line)).length;
  return short >= broken.length / 2 || (text.length >= 4 && marked >= MARKED_SHARE * text.length);
}

// A word, or a dash between two, goes on in the next line; "two-" before "and" waits for a later word.
const GOES_ON = /(?:[\p{L}\p{N}][-\u2010]|\p{Ll}(?:--|—))$/u;
const NO_BLANK = /^(?!(?:and|or|to|nor)\b)[\p{L}\p{N}]/u;

/** Lines as one, with a blank where one of them does not end inside a word. */
function joinLines(lines: readonly string[]): string {
  const pieces: string[] = [];
  lines.forEach((line, i) => {
    if (i > 0 && !(GOES_ON.test(lines[i - 1]!.slice(-3)) && NO_BLANK.test(line.slice(0, 5)))) pieces.push(' ');
    pieces.push(line);
  });
  return pieces.join('');
}

/** Drops the underscores of italics: at the edges of words and pairs inside them, and in 7_s_. 6_d_.; snake_case and blanks like ____ stay. */
export const unwrap = (text: string) =>
  text
    .replace(/(?<![\p{L}\p{N}_])_([^\s_]{1,40})_(?=\p{L})/gu, '$1')
    .replace(/(?<![\p{L}\p{N}_])_(?!_)|(?<!_)_(?![\p{L}\p{N}_])|(?<=\p{N})_(?=\p{L}{1,2}_)/gu, '')
    .replace(/ {2,}/g, ' ')
    .trim();

const ENDS = /[.!?…:—][)\]]?["”’'»]*[)\]]?\s*$/;
const ENDED_SHARE = 0.8;
const LINE_SHARE = 0.85;
const MOST_INDENT = 12;

/** Cuts a block of lines where a first line is indented, if the lines before such lines end like paragraphs. */
export function cutIndented(block: readonly string[]): { from: number; lines: string[] }[] {
  const whole = [{ from: 0, lines: [...block] }];
  if (block.length < 3) return whole;
  const indents = block.map(indentOf);
  let least = Infinity;
  for (const indent of indents) least = Math.min(least, indent);
  const opens = indents.flatMap((indent, i) => (i > 0 && indent - least >= 2 && indent - least <= MOST_INDENT ? [i] : []));
  const plain = indents.filter((indent) => indent === least).length;
  const ended = opens.filter((i) => ENDS.test(block[i - 1]!)).length;
  if (opens.length === 0 || plain < opens.length / 2 || ended < ENDED_SHARE * opens.length) return whole;
  const starts = [0, ...opens];
  return starts.map((from, k) => ({ from, lines: block.slice(from, starts[k + 1] ?? block.length) }));
}

const indentOf = (line: string): number => {
  let indent = 0;
  for (const char of line) {
    if (char === ' ') indent++;
    else if (char === '\t') indent += 4;
    else if (char === '\u3000') indent += 2;
    else break;
  }
  return indent;
};

/** True for a text that has a paragraph on each line and next to no blank lines: its lines end like sentences. */
export function isLinePerParagraph(text: readonly string[], least = 4): boolean {
  let filled = 0;
  let inBlocks = 0;
  let ended = 0;
  text.forEach((line, i) => {
    if (!line.trim()) return;
    filled++;
    if (!text[i - 1]?.trim() && !text[i + 1]?.trim()) return;
    inBlocks++;
    if (ENDS.test(line.slice(-12))) ended++;
  });
  return inBlocks >= least && inBlocks >= 0.6 * filled && ended >= LINE_SHARE * inBlocks;
}
