import { mustBe } from '@mdiff/arguments';
import { cutLong } from '../split/long.js';
import type { Paragraph } from '../types.js';
import { toParagraph } from './paragraph.js';

// A text with longer lines has one paragraph a line.
const UNWRAPPED_WIDTH = 120;

/**
 * The paragraphs of a text, which blank lines part: hard-wrapped lines are joined as `parsePlain` joins them. No paragraph is left out, as this is no book
 * with a title page or a licence.
 */
export function paragraphsOf(text: string): Paragraph[] {
  mustBe('paragraphsOf', 'text', text, 'string');
  const blocks = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n|\r|\u2028|\u2029/g, '\n')
    .split(/\n(?:[^\S\n]*\n)+/)
    .map((block) => block.split('\n').filter((line) => line.trim() !== ''))
    .filter((lines) => lines.length > 0);
  const lengths = blocks
    .flat()
    .map((line) => line.trimEnd().length)
    .sort((a, b) => a - b);
  const width = lengths[Math.floor(lengths.length * 0.9)] ?? 0;
  const paragraphs = width > UNWRAPPED_WIDTH ? blocks.flatMap((lines) => lines.map((line) => [line])) : blocks;
  return paragraphs.flatMap((lines) => {
    const { text: joined, kind } = toParagraph(lines, width);
    return cutLong(joined).map((piece) => ({ text: piece, kind }));
  });
}
