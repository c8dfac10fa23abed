import { mustBe } from '@mdiff/arguments';
import { longestRun, matchIndex, overlap, type MatchIndex } from './match.js';
import { distributionGap, functionWordGap, sentenceLengths } from './style.js';
import { distinct, doubled, entropy, unknownWords, wordsOf } from './words.js';

/** A book that texts are compared with. */
export interface BookStatistics {
  readonly words: readonly string[];
  readonly vocabulary: ReadonlySet<string>;
  readonly index: MatchIndex<string>;
  readonly sentenceLengths: readonly number[];
}

/** `paragraphs` of the text that a model was trained on. */
export function bookStatistics(paragraphs: readonly string[]): BookStatistics {
  mustBe('bookStatistics', 'paragraphs', paragraphs, 'list');
  const words = paragraphs.flatMap(wordsOf);
  return { words, vocabulary: new Set(words), index: matchIndex(words), sentenceLengths: sentenceLengths(paragraphs) };
}

export interface TextStatistics {
  readonly words: number;
  /** words of the longest run that stands in the book word for word, and the run itself, in lower case */
  readonly verbatim: number;
  readonly verbatimText: string;
  /** shares of the 4-grams and 8-grams that stand in the book */
  readonly overlap4: number;
  readonly overlap8: number;
  /** share of the words that are in the book, and in the book or the corpus */
  readonly inBook: number;
  readonly known: number;
  /** words that are in neither */
  readonly unknown: readonly string[];
  /** share of words, 2-grams and 4-grams that are new in the text */
  readonly distinct1: number;
  readonly distinct2: number;
  readonly distinct4: number;
  /** entropy of the words of all texts together, in bits */
  readonly entropy: number;
  /** doubled words for each thousand */
  readonly doubled: number;
  /** mean words in a sentence, and the largest gap between its distribution and the book's, 0 to 1 */
  readonly sentenceLength: number;
  readonly sentenceGap: number;
  /** divergence of the use of function words from the book's, in bits */
  readonly functionWordGap: number;
}

/**
 * Compares texts of one model with its book. Each text is a list of its own, so that no run and no n-gram crosses from one to the next.
 * @param corpus words of the text that the base model was trained on
 */
export function textStatistics(texts: readonly string[], book: BookStatistics, corpus: ReadonlySet<string> = new Set()): TextStatistics {
  mustBe('textStatistics', 'texts', texts, 'list');
  mustBe('textStatistics', 'book', book, 'object');
  mustBe('textStatistics', 'corpus', corpus, 'object');
  const lists = texts.map(wordsOf).filter((words) => words.length > 0);
  const words = lists.flat();
  const matches = lists.map((list) => book.index.matches(list));
  const runs = matches.map(longestRun);
  const best = runs.reduce((top, run, i) => (run.length > (runs[top]?.length ?? 0) ? i : top), 0);
  const run = runs[best] ?? { start: 0, length: 0 };
  const lengths = sentenceLengths(texts);
  const share = (n: number, of: (list: number) => number): number => weighted(lists.map((list, i) => [list.length - n + 1, of(i)]));
  const unknown = unknownWords(words, book.vocabulary, corpus);
  return {
    words: words.length,
    verbatim: run.length,
    verbatimText: (lists[best] ?? []).slice(run.start, run.start + run.length).join(' '),
    overlap4: share(4, (i) => overlap(matches[i]!, 4)),
    overlap8: share(8, (i) => overlap(matches[i]!, 8)),
    inBook: 1 - unknownWords(words, book.vocabulary).length / words.length,
    known: 1 - unknown.length / words.length,
    unknown,
    distinct1: share(1, (i) => distinct(lists[i]!, 1)),
    distinct2: share(2, (i) => distinct(lists[i]!, 2)),
    distinct4: share(4, (i) => distinct(lists[i]!, 4)),
    entropy: entropy(words),
    doubled: weighted(lists.map((list) => [list.length, doubled(list)])),
    sentenceLength: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    sentenceGap: distributionGap(lengths, book.sentenceLengths),
    functionWordGap: functionWordGap(words, book.words),
  };
}

/** Mean of values by weights; a weight below one leaves its value out. NaN without values. */
function weighted(pairs: readonly (readonly [weight: number, value: number])[]): number {
  const usable = pairs.filter(([weight]) => weight > 0);
  const total = usable.reduce((sum, [weight]) => sum + weight, 0);
  return total > 0 ? usable.reduce((sum, [weight, value]) => sum + weight * value, 0) / total : NaN;
}
