import { TextError } from '../error.js';

/** BPE merges ready to apply to a sequence of ids. */
export interface MergeTable {
  /** Merges `ids` until no merge applies: lowest rank first, leftmost first among equals. O(n log n). */
  apply(ids: Int32Array): Int32Array;
}

// A pair of ids is one exact number, left · SHIFT + right; vocabularies stay far below this.
const SHIFT = 2 ** 21;

/** Merges, or tokens, between two pauses of those who make a tokenizer in slices: about a millisecond. */
export const SLICE = 1024;

/**
 * Yields between its slices and returns the table.
 *
 * @param merges in rank order, each `[left, right]` or, as older files have it, `"left right"`
 * @throws TextError (`MDIFF_TOKENIZER`) when a merge names a token that the vocabulary lacks
 */
export function* mergeTable(
  vocab: Readonly<Record<string, number>>,
  merges: readonly (readonly [string, string] | string)[],
): Generator<void, MergeTable> {
  const ranks = new Map<number, number>();
  const results = new Int32Array(merges.length);
  const idOf = (token: string, rank: number) => {
    const id = vocab[token];
    // What every object inherits, such as "constructor", is no number.
    if (typeof id !== 'number')
      throw new TextError(
        `tokenizer.json: merge ${rank} names "${token}", which the vocabulary lacks; restore the file`,
        'MDIFF_TOKENIZER',
      );
    return id;
  };
  for (const [rank, merge] of merges.entries()) {
    if (rank % SLICE === SLICE - 1) yield;
    const [left, right] = typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge;
    const key = idOf(left, rank) * SHIFT + idOf(right, rank);
    if (!ranks.has(key)) ranks.set(key, rank);
    results[rank] = idOf(left + right, rank);
  }
  return { apply: (ids) => apply(ids, ranks, results) };
}

function apply(ids: Int32Array, ranks: ReadonlyMap<number, number>, results: Int32Array): Int32Array {
  const n = ids.length;
  const symbol = Int32Array.from(ids);
  const next = Int32Array.from(ids, (_, i) => i + 1);
  const previous = Int32Array.from(ids, (_, i) => i - 1);
  const heap = new Heap();
  const propose = (place: number) => {
    const after = next[place]!;
    const rank = after < n ? ranks.get(symbol[place]! * SHIFT + symbol[after]!) : undefined;
    if (rank !== undefined) heap.push(rank, place);
  };
  for (let i = 0; i + 1 < n; i++) propose(i);
  let left = n;
  for (let top = heap.pop(); top; top = heap.pop()) {
    const [rank, place] = top;
    const after = symbol[place]! < 0 ? n : next[place]!;
    // Entries are never removed from the heap; one that no longer describes its place is stale.
    if (after >= n || ranks.get(symbol[place]! * SHIFT + symbol[after]!) !== rank) continue;
    symbol[place] = results[rank]!;
    symbol[after] = -1;
    next[place] = next[after]!;
    if (next[place]! < n) previous[next[place]!] = place;
    left--;
    if (previous[place]! >= 0) propose(previous[place]!);
    propose(place);
  }
  const out = new Int32Array(left);
  for (let i = 0, k = 0; i < n; i = next[i]!) out[k++] = symbol[i]!;
  return out;
}

/** A binary min-heap of (rank, place in the sequence), compared as one number. */
class Heap {
  readonly #keys: number[] = [];

  push(rank: number, place: number): void {
    const keys = this.#keys;
    const key = rank * 2 ** 32 + place;
    let i = keys.length;
    keys.push(key);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[i] = keys[parent]!;
      i = parent;
    }
    keys[i] = key;
  }

  pop(): [rank: number, place: number] | undefined {
    const keys = this.#keys;
    const top = keys[0];
    const last = keys.pop();
    if (top === undefined || last === undefined) return undefined;
    const size = keys.length;
    let i = 0;
    if (size > 0) {
      for (;;) {
        let child = 2 * i + 1;
        if (child >= size) break;
        if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
        if (keys[child]! >= last) break;
        keys[i] = keys[child]!;
        i = child;
      }
      keys[i] = last;
    }
    return [Math.floor(top / 2 ** 32), top % 2 ** 32];
  }
}
