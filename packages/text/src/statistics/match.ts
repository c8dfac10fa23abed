import { mustBe } from '@mdiff/arguments';

/** What a text has in common with a book, word for word or token for token. */
export interface MatchIndex<T> {
  /** For each position of a text, the length of the longest run from there that stands in the book. */
  matches(text: readonly T[]): Int32Array;
}

/** An index of a book, of words or of tokens: its suffixes in order, by prefix doubling (Manber and Myers, 1993), so that repeats cost little. */
export function matchIndex<T extends string | number>(book: readonly T[]): MatchIndex<T> {
  mustBe('matchIndex', 'book', book, 'list');
  const ids = new Map<T, number>();
  const symbols = Int32Array.from(book, (item) => {
    if (!ids.has(item)) ids.set(item, ids.size);
    return ids.get(item)!;
  });
  const suffixes = sortedSuffixes(symbols);
  return {
    matches: (text) => {
      const wanted = Int32Array.from(text, (item) => ids.get(item) ?? -1);
      return Int32Array.from(wanted, (_, start) => longest(symbols, suffixes, wanted, start));
    },
  };
}

/** Positions of a book in the order of what follows them. */
function sortedSuffixes(symbols: Int32Array): Int32Array {
  const n = symbols.length;
  const order = Int32Array.from({ length: n }, (_, i) => i);
  let rank = symbols.slice();
  for (let k = 0; ; k = k === 0 ? 1 : 2 * k) {
    const after = (i: number): number => (k > 0 && i + k < n ? rank[i + k]! : -1);
    const compare = (a: number, b: number): number => rank[a]! - rank[b]! || after(a) - after(b);
    order.sort(compare);
    const next = new Int32Array(n);
    for (let i = 1; i < n; i++) next[order[i]!] = next[order[i - 1]!]! + (compare(order[i - 1]!, order[i]!) < 0 ? 1 : 0);
    rank = next;
    if (n === 0 || rank[order[n - 1]!] === n - 1 || k >= n) return order;
  }
}

/** Length of the longest run of `text` from `start` that begins a suffix: the neighbours of its place in the order share most with it. */
function longest(symbols: Int32Array, suffixes: Int32Array, text: Int32Array, start: number): number {
  let low = 0;
  let high = suffixes.length;
  let best = 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    const suffix = suffixes[middle]!;
    let common = 0;
    while (start + common < text.length && suffix + common < symbols.length && text[start + common] === symbols[suffix + common]) common++;
    best = Math.max(best, common);
    if (start + common === text.length) return best;
    const isBefore = suffix + common === symbols.length || symbols[suffix + common]! < text[start + common]!;
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return best;
}

/** The longest run of a text that stands in the book. */
export function longestRun(matches: Int32Array): { start: number; length: number } {
  mustBe('longestRun', 'matches', matches, 'object');
  let start = 0;
  for (let i = 1; i < matches.length; i++) if (matches[i]! > matches[start]!) start = i;
  return { start, length: matches[start] ?? 0 };
}

/** Share of the n-grams of a text that stand in the book. NaN without n-grams. */
export function overlap(matches: Int32Array, n: number): number {
  mustBe('overlap', 'matches', matches, 'object');
  mustBe('overlap', 'n', n, 'number');
  const all = matches.length - n + 1;
  return all > 0 ? matches.subarray(0, all).filter((length) => length >= n).length / all : NaN;
}
