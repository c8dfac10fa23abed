import { spread } from '../shared/heldout.js';

/**
 * `count` passages of neighbouring paragraphs, spread evenly over the text and apart from each other, each of at least `words` words.
 * @returns fewer where the text is too short
 */
export function passagesOf(paragraphs: readonly string[], { count, words }: { count: number; words: number }): string[][] {
  const wordsIn = (text: string): number => text.split(/\s+/).filter(Boolean).length;
  const passages: string[][] = [];
  let free = 0;
  for (const place of spread(paragraphs.length, count)) {
    const from = Math.max(free, place);
    let to = from;
    for (let sum = 0; to < paragraphs.length && sum < words; to++) sum += wordsIn(paragraphs[to]!);
    const passage = paragraphs.slice(from, to);
    if (passage.reduce((sum, text) => sum + wordsIn(text), 0) < words) break;
    passages.push(passage);
    free = to;
  }
  return passages;
}

export interface Verdict {
  readonly author: string;
  /** by author, log-likelihood ratio of the author's model over the base, nats per token */
  readonly ratios: Readonly<Record<string, number>>;
}

/** The author whose model gains most over the base. */
export const winner = ({ ratios }: Verdict): string => Object.entries(ratios).reduce((best, next) => (next[1] > best[1] ? next : best))[0];

/** How often the right author's model wins, in all and by author. */
export function tally(verdicts: readonly Verdict[]): {
  right: number;
  of: number;
  byAuthor: Record<string, { right: number; of: number }>;
} {
  const byAuthor: Record<string, { right: number; of: number }> = {};
  for (const verdict of verdicts) {
    const entry = (byAuthor[verdict.author] ??= { right: 0, of: 0 });
    entry.of++;
    if (winner(verdict) === verdict.author) entry.right++;
  }
  const all = Object.values(byAuthor);
  return { right: all.reduce((sum, { right }) => sum + right, 0), of: all.reduce((sum, { of }) => sum + of, 0), byAuthor };
}
