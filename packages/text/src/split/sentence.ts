import sbd from 'sbd';

// Of the letters in a sample, this share must be Latin for the English rules to make sense.
const LATIN_SHARE = 0.5;

/**
 * Sentences of one paragraph, in order, trimmed; their non-blank characters together are exactly those of `text`.
 * English rules from sbd, with repairs for fiction. Texts in other alphabets go to `Intl.Segmenter`.
 */
export function splitSentences(text: string): string[] {
  return slice(text, isLatin(text) ? repair(text, latinEnds(text)) : otherEnds(text));
}

function isLatin(text: string): boolean {
  const sample = text.slice(0, 2000);
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  return letters === 0 || (sample.match(/\p{Script=Latin}/gu)?.length ?? 0) >= LATIN_SHARE * letters;
}

/** Offsets after the last character of each sentence, as sbd sees them. It knows straight quotation marks only. */
function latinEnds(text: string): number[] {
  const straight = text.replace(/[“”]/g, '"').replace(/[‘’]/g, "'");
  const ends: number[] = [];
  let at = 0;
  for (const sentence of sbd.sentences(straight)) {
    // sbd rewrites blanks, so sentences are found again by their other characters.
    for (const char of sentence) {
      if (/\s/.test(char)) continue;
      while (/\s/.test(straight[at] ?? '')) at++;
      if (!straight.startsWith(char, at)) return segmenterEnds(text);
      at += char.length;
    }
    ends.push(at);
  }
  return ends;
}

// What no sentence begins with: lower case, whatever stands before it. Georgian letters count as lower case and begin sentences.
const CONTINUES = /^[\p{P}\s]*(?!\p{Script=Georgian})\p{Ll}/u;
const INITIAL = /(?<!\p{L})\p{Lu}\.\s*$/u;

/** The offsets that `Intl.Segmenter` gives, without those inside a sentence of a script that has capitals: «…?» — asked he; A. S. Pushkin. */
function otherEnds(text: string): number[] {
  // In Greek alone ; is the question mark.
  const ends = segmenterEnds(text, /\p{Script=Greek}/u.test(text) ? 'el' : 'en');
  return ends.filter((end) => !CONTINUES.test(text.slice(end, end + 20)) && !INITIAL.test(text.slice(Math.max(0, end - 10), end)));
}

/** The locale is named because that of the machine would change the result. */
function segmenterEnds(text: string, locale = 'en'): number[] {
  return Array.from(new Intl.Segmenter(locale, { granularity: 'sentence' }).segment(text), ({ index, segment }) => index + segment.length);
}

// An ending, with quotation marks between it and the next sentence: “…?” “No.”, he said. “No.” Titles and initials end no sentence.
const TITLE = String.raw`(?<!\b(?:[A-HJ-Z]|Mr|Mrs|Ms|Dr|St|Messrs))`;
const QUOTED_END = new RegExp(String.raw`${TITLE}[.!?…](?:["”’')\]]+(?=\s+["“‘'([—]*\p{Lu})|(?=\s+["“]['‘]?\p{Lu}))`, 'gu');
// sbd always takes "No." for a number's abbreviation.
const ANSWER_NO = /\bNo\.["”’']*(?=\s+["“‘'([—]*\p{Lu})/gu;
const LOWER_NEXT = /^\s*(?:["“”‘’'([—–-]*|[«»‹›]\s?)\p{Ll}/u;
const UNFINISHED = /[:;,—–-]["”’']*$/;
// “Seven!” I answered.
const CLOSED_QUOTE = /["”’']$/;
const I_SAID = /^\s*I (?:said|asked|answered|replied|returned|cried|exclaimed|ejaculated|remarked|observed|inquired|whispered|murmured|suggested)\b/;

/** Adds the breaks sbd misses around quotation marks, and drops those before lower case or inside a sentence. */
function repair(text: string, ends: readonly number[]): number[] {
  const missed = [QUOTED_END, ANSWER_NO].flatMap((pattern) => Array.from(text.matchAll(pattern), ({ index, 0: found }) => index + found.length));
  return [...new Set([...ends, ...missed])]
    .sort((a, b) => a - b)
    .filter((end) => {
      const before = text.slice(Math.max(0, end - 10), end);
      const after = text.slice(end, end + 20);
      return !LOWER_NEXT.test(after) && !UNFINISHED.test(before) && !(CLOSED_QUOTE.test(before) && I_SAID.test(after));
    });
}

function slice(text: string, ends: readonly number[]): string[] {
  const sentences: string[] = [];
  let from = 0;
  for (const end of [...ends, text.length]) {
    const sentence = text.slice(from, end).trim();
    if (sentence) sentences.push(sentence);
    from = Math.max(from, end);
  }
  return sentences;
}
