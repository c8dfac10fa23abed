import sbd from 'sbd';

// Of the letters in a sample, this share must be Latin for the English rules to make sense.
const LATIN_SHARE = 0.5;

/**
 * Sentences of one paragraph, in order, trimmed; their non-blank characters together are exactly those of `text`.
 * English rules from sbd, with repairs for fiction. Texts in other alphabets go to `Intl.Segmenter`.
 */
export function splitSentences(text: string): string[] {
  const ends = isLatin(text) ? repair(text, latinEnds(text)) : segmenterEnds(text);
  return slice(text, ends);
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

function segmenterEnds(text: string): number[] {
  return Array.from(new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(text), ({ index, segment }) => index + segment.length);
}

const CLOSED = /[.!?…]["”’')\]]*$/;

/** Adds the breaks sbd misses after closing quotation marks and dashes, and drops those before a word in lower case. */
function repair(text: string, ends: readonly number[]): number[] {
  // A quotation mark or bracket closes, blank, and another sentence opens: “…?” “No.”
  const extra = [...text.matchAll(/(?<![A-Z]\.?|Mr|Mrs|Dr|St|Ms|Messrs)[.!?…]["”’')\]]+(?=\s+["“‘'(\[—]*\p{Lu})/gu)].map((found) => found.index + found[0].length);
  return [...new Set([...ends, ...extra])]
    .sort((a, b) => a - b)
    .filter((end) => {
      const rest = text.slice(end).trimStart();
      if (rest === '') return true;
      const before = text.slice(0, end);
      const lower = /^["“”‘’'(\[—–-]*\p{Ll}/u.test(rest);
      return !lower && (CLOSED.test(before) || /[:;—–-]["”’']*$/.test(before) === false);
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
