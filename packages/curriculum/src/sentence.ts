import { mustBe } from '@mdiff/arguments';
import type { Section } from '@mdiff/text';
import { splitSentences, wordsOf } from '@mdiff/text/sentences';

export { wordsOf };

/** Sentences with fewer words are not scored: formulas and rarities of a few words mean little. */
const MIN_WORDS = 5;

/** The sentences of prose, in the order of the text; `Unit.parts` refers to them. Headings and verse have none. */
export function listSentences(sections: readonly Section[]): string[] {
  mustBe('listSentences', 'sections', sections, 'list');
  return sections.flatMap(({ paragraphs }) => paragraphs.flatMap(({ text, kind }) => (kind === 'prose' ? splitSentences(text) : [])));
}

// The commonest English words. English prose has 25–35 % of them, other languages in Latin letters under 6 %.
const COMMON = new Set('the of and to a in that it is was i he for with as his on be at by had not but from they you'.split(' '));
const ENGLISH_SHARE = 0.12;

/** True for English text; elsewhere formulas that count English syllables, and an English tagger, mean nothing. */
export function isEnglish(sentences: readonly string[]): boolean {
  let common = 0;
  let all = 0;
  for (const sentence of sentences) {
    const words = wordsOf(sentence);
    all += words.length;
    for (const word of words) if (COMMON.has(word)) common++;
  }
  return common >= ENGLISH_SHARE * all;
}

/** The sentences that are scored, in the order in which they first come. */
export interface ScoredSentences {
  texts: string[];
  /** words in each */
  lengths: Float64Array;
  /** one per sentence of the text: its index in `texts`, −1 if it is not scored */
  place: Int32Array;
}

/** Selects the sentences to score, each once. Words are counted and not kept: those of a large text would not fit in memory. */
export function scoredSentences(sentences: readonly string[]): ScoredSentences {
  const index = new Map<string, number>();
  const lengths: number[] = [];
  const place = new Int32Array(sentences.length);
  sentences.forEach((sentence, i) => {
    const earlier = index.get(sentence);
    if (earlier !== undefined) {
      place[i] = earlier;
      return;
    }
    const words = wordsOf(sentence).length;
    place[i] = words < MIN_WORDS ? -1 : index.size;
    if (words < MIN_WORDS) return;
    index.set(sentence, index.size);
    lengths.push(words);
  });
  return { texts: [...index.keys()], lengths: Float64Array.from(lengths), place };
}
