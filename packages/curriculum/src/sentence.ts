import type { Section } from '@mdiff/text';
import { splitSentences } from '@mdiff/text/sentences';

/** Sentences with fewer words are not scored: formulas and rarities of a few words say little. */
export const MIN_WORDS = 5;

/** The sentences of prose, in the order of the text: what `Unit.parts` refers to. Headings and verse have none. */
export function listSentences(sections: readonly Section[]): string[] {
  return sections.flatMap(({ paragraphs }) => paragraphs.flatMap(({ text, kind }) => (kind === 'prose' ? splitSentences(text) : [])));
}

/** Lower-case words of a sentence: letters and digits, with apostrophes and hyphens inside. */
export function wordsOf(sentence: string): string[] {
  return sentence.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
}

// The commonest English words. English prose has 25–35 % of them, other languages in Latin letters under 6 %.
const COMMON = new Set('the of and to a in that it is was i he for with as his on be at by had not but from they you'.split(' '));
const ENGLISH_SHARE = 0.12;

/** Whether formulas that count English syllables, and an English tagger, mean anything here. */
export function isEnglish(sentences: readonly (readonly string[])[]): boolean {
  let common = 0;
  let all = 0;
  for (const words of sentences) {
    all += words.length;
    for (const word of words) if (COMMON.has(word)) common++;
  }
  return common >= ENGLISH_SHARE * all;
}
