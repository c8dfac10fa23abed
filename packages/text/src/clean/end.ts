import { headingLevel } from './heading.js';
import { blocksOf, clear, type Lines } from './lines.js';

const THE_END = /^\W*(?:the end|finis|fin|ende|fine|fim|einde|slut|конец|完|終|终)\W*$/iu;
// A book's last words stand near its end; what follows them is shorter than a book.
const FIRST_SHARE = 0.5;
const REST_SHARE = 0.25;

/**
 * Clears "The End" and what a publisher prints behind it. A chapter behind it says that it was the end of a part only.
 * @param headings lines that are headings by their markup
 */
export function clearEnd(lines: Lines, headings: ReadonlySet<number> = new Set()): void {
  const { text } = lines;
  let end = -1;
  for (let i = Math.floor(text.length * FIRST_SHARE); i < text.length; i++) {
    const alone = !text[i - 1]?.trim() && !text[i + 1]?.trim();
    if (alone && text[i]!.length < 40 && text[i]!.trim() && THE_END.test(text[i]!)) {
      end = i;
      break;
    }
  }
  if (end < 0) return;
  const size = (from: number, to: number): number => {
    let chars = 0;
    for (let i = from; i < to; i++) chars += text[i]!.trim().length;
    return chars;
  };
  if (size(end, text.length) > REST_SHARE * size(0, text.length)) return;
  for (const { from, to } of blocksOf(text, end + 1)) {
    const marked = headings.has(from);
    if (marked || headingLevel(text.slice(from, to + 1))) return;
  }
  clear(lines, end, text.length - 1, 'end matter');
}
