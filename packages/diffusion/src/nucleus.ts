// The tokens that topK and topP keep, found without sorting all of them: tokens are counted into buckets of x, and only the bucket in which the
// wanted number or mass is reached is sorted. Ties go to the lower id.

/** Token ids, ascending: the first `count` of `ids`. */
export interface IdList {
  readonly ids: Int32Array;
  count: number;
}

const BUCKETS = 1024;
const LAST = BUCKETS - 1;
/** Used by one call at a time. */
const buckets = new Float64Array(BUCKETS);

interface Wanted {
  readonly x: Float64Array;
  /** what a token adds, by id; null = 1 */
  readonly mass: Float64Array | null;
  /** the tokens that are kept reach it together, as few as possible; > 0 */
  readonly target: number;
}

/** Reduces a list, whose `x` are finite, to its largest tokens. */
export function keepLargest(list: IdList, wanted: Wanted): void {
  const { x, mass } = wanted;
  const { ids, count } = list;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = x[ids[i]!]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const scale = max > min ? LAST / (max - min) : 0;
  buckets.fill(0);
  for (let i = 0; i < count; i++) buckets[((max - x[ids[i]!]!) * scale) | 0]! += mass === null ? 1 : mass[ids[i]!]!;
  const { bucket, before } = reaching(wanted.target);
  const inside: number[] = [];
  for (let i = 0; i < count; i++) if ((((max - x[ids[i]!]!) * scale) | 0) === bucket) inside.push(ids[i]!);
  cutInside(list, { ...wanted, inside, before });
}

/**
 * Puts the largest of all tokens into a list. No x exceeds `max`. Tokens below max − `depth` are looked at only if those above it miss the target: a
 * depth that they hardly ever miss it with, and that few tokens lie above, is fastest.
 */
export function listLargest(list: IdList, wanted: Wanted & { readonly max: number; readonly depth: number }): void {
  const { x, max, depth } = wanted;
  listFrom(list, x, max - depth);
  if (massOf(list, wanted.mass) < wanted.target) listFrom(list, x, -Number.MAX_VALUE);
  keepLargest(list, wanted);
}

/** Lists the tokens that are not below a bound. */
function listFrom(list: IdList, x: Float64Array, bound: number): void {
  const { ids } = list;
  let count = 0;
  for (let v = 0; v < x.length; v++) {
    ids[count] = v;
    // No branch: half of them would be guessed wrong.
    count += Number(x[v]! >= bound);
  }
  list.count = count;
}

/** Sum over the tokens of a list, each as `mass` says; null = 1 each. */
export function massOf({ ids, count }: IdList, mass: Float64Array | null): number {
  if (mass === null) return count;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += mass[ids[i]!]!;
  return sum;
}

/** The bucket in which the target is reached, and the mass of those before it. */
function reaching(target: number): { bucket: number; before: number } {
  let before = 0;
  let bucket = 0;
  while (bucket < LAST && before + buckets[bucket]! < target) before += buckets[bucket++]!;
  return { bucket, before };
}

/** Drops from the list what comes after the token, among those `inside` the bucket, with which the target is reached. */
function cutInside(list: IdList, { x, mass, target, inside, before }: Wanted & { inside: number[]; before: number }): void {
  if (inside.length === 0) return; // all of them together miss the target, by rounding
  inside.sort((a, b) => x[b]! - x[a]! || a - b);
  let reached = before;
  let n = 0;
  for (; n < inside.length && reached < target; n++) reached += mass === null ? 1 : mass[inside[n]!]!;
  const end = inside[n - 1]!;
  const bound = x[end]!;
  const { ids, count } = list;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    if (x[id]! > bound || (x[id] === bound && id <= end)) ids[kept++] = id;
  }
  list.count = kept;
}
