import sbd from 'sbd';

// At least this share of the letters in a sample must be Latin for the English rules to apply.
const LATIN_SHARE = 0.5;

/**
 * Splits one paragraph into sentences, in order, trimmed; their non-blank characters together are exactly those of `text`.
 * It uses the English rules of sbd, with repairs for fiction, and `Intl.Segmenter` for other alphabets.
 */
export function splitSentences(text: string): string[] {
  return slice(text, isLatin(text) ? repair(text, latinEnds(text)) : otherEnds(text));
}

function isLatin(text: string): boolean {
  const sample = text.slice(0, 2000);
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  return letters === 0 || (sample.match(/\p{Script=Latin}/gu)?.length ?? 0) >= LATIN_SHARE * letters;
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
function repair(text: string, ends: readonly number[]): number[] {
  const missed = [QUOTED_END, ANSWER_NO].flatMap((pattern) =>
    Array.from(text.matchAll(pattern), ({ index, 0: match }) => index + match.length),
  );
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
