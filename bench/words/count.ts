// What goes wrong with words in a text: strings of letters that are no words of the reference, doubled words, and how varied the text is.

export interface Counts {
  readonly words: number;
  /** words that the reference lacks */
  readonly unknown: readonly string[];
  /** words that repeat the one before them */
  readonly doubled: readonly string[];
  /** distinct pairs of neighbouring words, as a share of all pairs */
  readonly distinct2: number;
}

/** Words in lower case: letters, with apostrophes and hyphens splitting them. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];

/** Every word that the reference lacks, with the three words on either side of it. */
export function unknownIn(texts: readonly { text: string; finish: string }[], reference: ReadonlySet<string>): string[] {
  return texts.flatMap(({ text, finish }) => {
    const words = [...text.matchAll(/\p{L}+/gu)].slice(0, finish === 'length' ? -1 : undefined);
    const place = (i: number): number => words[i]?.index ?? text.length;
    return words.flatMap(({ 0: word }, i) =>
      reference.has(word.toLowerCase()) ? [] : [`${word}: ${text.slice(place(Math.max(0, i - 3)), place(i + 4)).replaceAll(/\s+/g, ' ')}`],
    );
  });
}

/** Counts over several texts. The last word of a text that was cut may be half a word, so it does not count. */
export function countWords(texts: readonly { text: string; finish: string }[], reference: ReadonlySet<string>): Counts {
  const all = texts.map(({ text, finish }) => wordsOf(text).slice(0, finish === 'length' ? -1 : undefined));
  const pairs = all.flatMap((words) => words.slice(1).map((word, i) => `${words[i]} ${word}`));
  return {
    words: all.reduce((sum, words) => sum + words.length, 0),
    unknown: all.flat().filter((word) => !reference.has(word)),
    doubled: texts.flatMap(({ text }) =>
      [...text.toLowerCase().matchAll(/(?<!\p{L})(\p{L}+)[ \n]+\1(?!\p{L})/gu)].map(([, word]) => word!),
    ),
    distinct2: pairs.length === 0 ? 0 : new Set(pairs).size / pairs.length,
  };
}
