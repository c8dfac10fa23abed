import { mustBe } from '@mdiff/arguments';

const WORD = /\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*/gu;

/** The words of a text in order, in lower case; whale-ship and don't are one word, and curly apostrophes are straight. Numbers are no words. */
export const wordsOf = (text: string): string[] => {
  mustBe('wordsOf', 'text', text, 'string');
  return Array.from(text.matchAll(WORD), ([word]) => word.toLowerCase().replaceAll('’', "'"));
};

/** Share of n-grams that occur once or are the first of their kind: 1 where nothing is repeated (Li et al., arXiv 1510.03055). NaN without n-grams. */
export function distinct(words: readonly string[], n: number): number {
  mustBe('distinct', 'words', words, 'list');
  mustBe('distinct', 'n', n, 'number');
  const all = words.length - n + 1;
  const kinds = new Set(Array.from({ length: Math.max(0, all) }, (_, i) => words.slice(i, i + n).join(' ')));
  return all > 0 ? kinds.size / all : NaN;
}

/** Words that repeat the word before them, as in "of of", for each thousand words. NaN without words. */
export const doubled = (words: readonly string[]): number => {
  mustBe('doubled', 'words', words, 'list');
  return (1000 * words.filter((word, i) => i > 0 && word === words[i - 1]).length) / words.length;
};

/** Words that none of the vocabularies has, in order. A compound counts as known if all of its parts are. */
export function unknownWords(words: readonly string[], ...vocabularies: readonly ReadonlySet<string>[]): string[] {
  mustBe('unknownWords', 'words', words, 'list');
  const isKnown = (word: string): boolean => vocabularies.some((vocabulary) => vocabulary.has(word));
  return words.filter((word) => !isKnown(word) && !(word.includes('-') && word.split('-').every(isKnown)));
}

/** Entropy of the words of a text, each drawn alike, in bits; a longer text has more. NaN without words. */
export function entropy(words: readonly string[]): number {
  mustBe('entropy', 'words', words, 'list');
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / words.length);
  return shares.length === 0 ? NaN : shares.reduce((sum, share) => sum - share * Math.log2(share), 0);
}
