import { mustBe } from '@mdiff/arguments';
import sbd from 'sbd';

import { listItems, maskStops } from './abbreviation.js';

// At least this share of the letters in a sample must be Latin for the English rules to apply.
const LATIN_SHARE = 0.5;

/**
 * Splits one paragraph into sentences, in order, trimmed; their non-blank characters together are exactly those of `text`.
 * It uses the English rules of sbd, with repairs for fiction, and `Intl.Segmenter` for other alphabets.
 */
export function splitSentences(text: string): string[] {
  mustBe('splitSentences', 'text', text, 'string');
  if (!isLatin(text)) return slice(text, isAsian(text) ? asianEnds(text) : otherEnds(text));
  const { starts, masked: listed } = listItems(text);
  const { masked, ends } = maskStops(listed);
  return slice(
    text,
    [...repair(masked, latinEnds(masked), ends), ...starts].sort((a, b) => a - b),
  );
}

function isLatin(text: string): boolean {
  const sample = text.slice(0, 2000);
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  return letters === 0 || (sample.match(/\p{Script=Latin}/gu)?.length ?? 0) >= LATIN_SHARE * letters;
}

// A sample of Chinese or Japanese; Korean has blanks, and stops as in Latin.
const isAsian = (text: string): boolean =>
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(text.slice(0, 200)) && !/\p{Script=Hangul}/u.test(text.slice(0, 200));

const ASIAN_END = /[。！？!?]+|…+(?=[」』”’"])/gu;
const ASIAN_CLOSE = /^[」』”’）)】》〉]*/u;
// …」と言った: what was said is a part of the sentence; “…。”他说 likewise.
const SAID = /^(?:と|って|との|[^。！？，、,\s「『“"]{0,6}?(?:说|說|道|问|問|喊|叫|答|想))/u;

/** Offsets of the sentence ends of Chinese and Japanese, with the quotation marks that close behind them. */
function asianEnds(text: string): number[] {
  const ends: number[] = [];
  let quotes = 0;
  let counted = 0;
  for (const { index, 0: stop } of text.matchAll(ASIAN_END)) {
    let end = index + stop.length;
    for (; counted < end; counted++) if (text[counted] === '"') quotes++;
    // A straight mark closes when one is open.
    if (text[end] === '"' && quotes % 2 === 1) {
      quotes++;
      counted = ++end;
    }
    const closed = ASIAN_CLOSE.exec(text.slice(end, end + 4))![0].length + end - index - stop.length;
    end = index + stop.length + closed;
    counted = Math.max(counted, end);
    if (!(closed > 0 && SAID.test(text.slice(end, end + 12)))) ends.push(end);
  }
  return ends;
}

/** Offsets after the last character of each sentence according to sbd, which knows only straight quotation marks. */
function latinEnds(text: string): number[] {
  const straight = text.replace(/[“”]/g, '"').replace(/[‘’]/g, "'");
  const ends: number[] = [];
  let offset = 0;
  for (const sentence of sbd.sentences(straight)) {
    // sbd rewrites blanks, so the other characters of a sentence locate it in the text.
    for (const char of sentence) {
      if (/\s/.test(char)) continue;
      while (/\s/.test(straight[offset] ?? '')) offset++;
      if (!straight.startsWith(char, offset)) return segmenterEnds(text);
      offset += char.length;
    }
    ends.push(offset);
  }
  return ends;
}

// No sentence begins with lower case, even after punctuation. Georgian letters count as lower case and do begin sentences.
const CONTINUES = /^[\p{P}\s]*(?!\p{Script=Georgian})\p{Ll}/u;
const INITIAL = /(?<!\p{L})\p{Lu}\.\s*$/u;

/** The offsets of `Intl.Segmenter`, without those inside a sentence of a script with capitals: «…?» — asked he; A. S. Pushkin. */
function otherEnds(text: string): number[] {
  // In Greek alone ; is the question mark.
  const ends = segmenterEnds(text, /\p{Script=Greek}/u.test(text) ? 'el' : 'en');
  return ends.filter((end) => !CONTINUES.test(text.slice(end, end + 20)) && !INITIAL.test(text.slice(Math.max(0, end - 10), end)));
}

/** Names the locale, because that of the machine would change the result. */
function segmenterEnds(text: string, locale = 'en'): number[] {
  return Array.from(new Intl.Segmenter(locale, { granularity: 'sentence' }).segment(text), ({ index, segment }) => index + segment.length);
}

// The end of a sentence, followed by quotation marks and the next one: “…?” “No.”, he said. “No.” Titles and initials end no sentence.
const TITLE = String.raw`(?<!\b(?:[A-HJ-Z]|Mr|Mrs|Ms|Dr|St|Messrs))`;
const QUOTED_END = new RegExp(String.raw`${TITLE}[.!?…](?:["”’')\]]+(?=\s+["“‘'([—]*\p{Lu})|(?=\s+["“]['‘]?\p{Lu}))`, 'gu');
// sbd always takes "No." for the abbreviation of a number.
const ANSWER_NO = /\bNo\.["”’']*(?=\s+["“‘'([—]*\p{Lu})/gu;
const LOWER_NEXT = /^\s*(?:["“”‘’'([—–-]*|[«»‹›]\s?)\p{Ll}/u;
const UNFINISHED = /[:;,—–-]["”’']*$/;
// “Seven!” I answered.
const CLOSED_QUOTE = /["”’']$/;
const I_SAID =
  /^\s*I (?:said|asked|answered|replied|returned|cried|exclaimed|ejaculated|remarked|observed|inquired|whispered|murmured|suggested)\b/;

/** Adds the breaks that sbd misses around quotation marks, and drops those before lower case or inside a sentence. */
function repair(text: string, ends: readonly number[], more: readonly number[]): number[] {
  const missed = [QUOTED_END, ANSWER_NO].flatMap((pattern) =>
    Array.from(text.matchAll(pattern), ({ index, 0: match }) => index + match.length),
  );
  const sure = new Set(more);
  return [...new Set([...ends, ...missed, ...more])]
    .sort((a, b) => a - b)
    .filter((end) => {
      if (sure.has(end)) return true;
      const before = text.slice(Math.max(0, end - 10), end);
      const after = text.slice(end, end + 20);
      return !LOWER_NEXT.test(after) && !UNFINISHED.test(before) && !(CLOSED_QUOTE.test(before) && I_SAID.test(after));
    });
}

const SAYS = /[\p{L}\p{N}]/u;

/** The sentences between the ends; one without a letter or a digit belongs to its neighbour. */
function slice(text: string, ends: readonly number[]): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const end of [...ends, text.length]) {
    if (end <= from) continue;
    const piece = text.slice(from, end);
    const says = SAYS.test(piece);
    if (pieces.length > 0 && (!says || !SAYS.test(pieces.at(-1)!))) pieces.push(pieces.pop()! + piece);
    else pieces.push(piece);
    from = end;
  }
  return pieces.map((piece) => piece.trim()).filter(Boolean);
}
