// The tokens that topK and topP keep, found without sorting all of them.

/** Token ids, ascending: the first `count` of `ids`. */
export interface IdList {
  readonly ids: Int32Array;
  count: number;
}

const BUCKETS = 1024;

/**
 * Reduces a list to the largest tokens that together reach `target` > 0, as few as possible: `mass[id]` is what a token adds (null: 1), `x[id]`,
 * which is finite, orders the tokens, and ties go to the lower id. Tokens are counted into buckets of x, and only the bucket in which the
 * target is reached is sorted.
 */
export function keepLargest({ list, x, mass, target }: { list: IdList; x: Float64Array; mass: Float64Array | null; target: number }): void {
  const { ids, count } = list;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = x[ids[i]!]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const scale = max > min ? (BUCKETS - 1) / (max - min) : 0;
  const buckets = new Float64Array(BUCKETS);
  for (let i = 0; i < count; i++) buckets[((max - x[ids[i]!]!) * scale) | 0]! += mass === null ? 1 : mass[ids[i]!]!;
  let reached = 0;
  let bucket = 0;
  while (bucket < BUCKETS - 1 && reached + buckets[bucket]! < target) reached += buckets[bucket++]!;

  const inside: number[] = [];
  for (let i = 0; i < count; i++) if ((((max - x[ids[i]!]!) * scale) | 0) === bucket) inside.push(ids[i]!);
  if (inside.length === 0) return; // all of them together miss the target, by rounding
  inside.sort((a, b) => x[b]! - x[a]! || a - b);
  let n = 0;
  for (; n < inside.length && reached < target; n++) reached += mass === null ? 1 : mass[inside[n]!]!;
  const end = inside[n - 1]!;
  const bound = x[end]!;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    if (x[id]! > bound || (x[id] === bound && id <= end)) ids[kept++] = id;
  }
  list.count = kept;
}
