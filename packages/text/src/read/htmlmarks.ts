import { isRaisedMark } from '../clean/raised.js';
import type { markOf } from './tags.js';

// Tells marks that stand in the text of a page (page numbers, numbers of notes, arrows back) from the text itself, by their shape.

// Longer texts are no marks, whatever their tag calls itself.
export const MARK_CHARS = 24;
const BACK_CHARS = 40;
const NUMBER = /^[[({]?\s*(?:\d{1,4}[a-z]?|[ivxl]{1,6}|[a-z*†‡§¶#‖]|\*{1,4}|†{1,3})\s*[\])}.]?$/iu;
const SURE = /^[[({].*[\])}]$|^[*†‡§¶‖]+$/u;
const ARROW = /^[\s[(]*[↩↑⏎⇑⤴^←]\uFE0E?[\s\])]*$/u;
const NOTE_TARGET = /(?:^|[^a-z])(?:fn|ftn|note|foot|footnote|endnote|end|cite|citation|ref|noteref|n)[-_.]?\w{0,4}\d+$/i;

/** An arrow from a note back to its place. */
export const isArrow = (text: string): boolean => ARROW.test(text);

/** What stands around the text of a possible mark. */
interface MarkPlace {
  text: string;
  /** the line before it */
  before: string;
  /** where its link goes */
  target: string;
  arrow: boolean;
}

/** True if a text in a tag of this kind is a mark. */
export function looksLikeMark(kind: NonNullable<ReturnType<typeof markOf>>, { text, before, target, arrow }: MarkPlace): boolean {
  if (kind === 'page number') return text.length <= MARK_CHARS;
  if (kind === 'back link') return text.length <= BACK_CHARS;
  if (kind === 'note mark') return text.length <= MARK_CHARS / 2;
  if (kind === 'raised') return isRaisedMark(text, before);
  const leads = !before.trim();
  return arrow || (NUMBER.test(text) && (SURE.test(text) || NOTE_TARGET.test(target) || (!leads && /\S$/.test(before))));
}
