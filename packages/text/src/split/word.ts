import { mustBe } from '@mdiff/arguments';

// Letters with their marks, and digits, with apostrophes and hyphens inside: it's, sea-fowl.
const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’-][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*/gu;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

let segmenter: Intl.Segmenter | undefined;

/** The words of a text in lower case, by which mdiff scores sentences and finds repeats. Scripts that put no blanks between words are divided by `Intl.Segmenter`. */
export function wordsOf(text: string): string[] {
  mustBe('wordsOf', 'text', text, 'string');
  const lower = text.toLowerCase();
  if (!UNSPACED.test(lower)) return lower.match(WORD) ?? [];
  // The locale is fixed, so that every machine divides alike.
  segmenter ??= new Intl.Segmenter('en', { granularity: 'word' });
  return Array.from(segmenter.segment(lower), ({ segment, isWordLike }) => (isWordLike === true ? segment : '')).filter(Boolean);
}

/** How many words a text has, as people count them: what blanks part; in scripts without blanks, what `Intl.Segmenter` parts. */
export function countWords(text: string): number {
  mustBe('countWords', 'text', text, 'string');
  return UNSPACED.test(text) ? wordsOf(text).length : (text.match(/\S+/g)?.length ?? 0);
}
