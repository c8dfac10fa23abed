import { mustBe } from '@mdiff/arguments';
import { splitSentences } from '../split/sentence.js';
import { wordsOf } from './words.js';

/** The function words by which Mosteller and Wallace told the authors of the Federalist papers apart (1963, their table of 70). */
export const FUNCTION_WORDS: readonly string[] = (
  'a all also an and any are as at be been but by can do down even every for from had has have her his if in into is it its may more must my no not ' +
  'now of on one only or our shall should so some such than that the their then there things this to up upon was were what when which who will with ' +
  'would your'
).split(' ');

/** Words in each sentence of paragraphs, in order; a sentence without words is left out. */
export const sentenceLengths = (paragraphs: readonly string[]): number[] => {
  mustBe('sentenceLengths', 'paragraphs', paragraphs, 'list');
  return paragraphs.flatMap((text) => splitSentences(text).map((sentence) => wordsOf(sentence).length)).filter((length) => length > 0);
};

/** Largest gap between the distribution functions of two samples, 0 to 1 (Kolmogorov and Smirnov). NaN without one of them. */
export function distributionGap(one: readonly number[], other: readonly number[]): number {
  mustBe('distributionGap', 'one', one, 'list');
  mustBe('distributionGap', 'other', other, 'list');
  if (one.length === 0 || other.length === 0) return NaN;
  const below = (sample: readonly number[], value: number): number => sample.filter((x) => x <= value).length / sample.length;
  return Math.max(...[...new Set([...one, ...other])].map((value) => Math.abs(below(one, value) - below(other, value))));
}

/** Function words for each thousand words, by word. */
export function functionWordRates(words: readonly string[]): Map<string, number> {
  mustBe('functionWordRates', 'words', words, 'list');
  const rates = new Map(FUNCTION_WORDS.map((word) => [word, 0]));
  for (const word of words) if (rates.has(word)) rates.set(word, rates.get(word)! + 1000 / words.length);
  return rates;
}

/**
 * Jensen–Shannon divergence of two uses of function words, all other words taken as one more: 0 for the same use, 1 bit for nothing in common. A short text
 * differs from its own book by chance, so compare only texts of one length.
 */
export function functionWordGap(one: readonly string[], other: readonly string[]): number {
  mustBe('functionWordGap', 'one', one, 'list');
  mustBe('functionWordGap', 'other', other, 'list');
  const shares = (words: readonly string[]): number[] => {
    const rates = [...functionWordRates(words).values()].map((rate) => rate / 1000);
    return [...rates, 1 - rates.reduce((sum, rate) => sum + rate, 0)];
  };
  const [p, q] = [shares(one), shares(other)];
  const term = (share: number, mean: number): number => (share > 0 ? (share * Math.log2(share / mean)) / 2 : 0);
  return p.reduce((sum, share, i) => sum + term(share, (share + q[i]!) / 2) + term(q[i]!, (share + q[i]!) / 2), 0);
}
