/** Interpolated modified Kneser–Ney over token ids (Chen & Goodman 1999, section 3). Knows nothing of text, files or models. */

/** Discounts: numbers subtracted from counts of 1, 2 and ≥ 3; index 0 is unused. */
type Discounts = readonly [number, number, number, number];

/**
 * The n-grams of one order in sorted order, a few numbers each, so that a corpus of fifty million tokens fits in memory.
 * An n-gram is known by its rank; `keys` holds the rank of its first n − 1 tokens × the vocabulary + its last token.
 */
interface Level {
  /** Ascending and exact: n-grams × vocabulary stay below 2^53. */
  keys: Float64Array;
  /** Adjusted count of each n-gram. */
  counts: Uint32Array;
  discounts: Discounts;
}

/** How an n-gram continues: the sum of the adjusted counts, and how many of them are 1, 2 and ≥ 3. By the rank of the n-gram. */
interface Contexts {
  totals: Float64Array;
  ones: Uint32Array;
  twos: Uint32Array;
  more: Uint32Array;
}

/** A trained model; plain data, read by `probability`. */
export interface NgramModel {
  order: number;
  /** How many distinct tokens can follow a context: the uniform floor is 1 / outcomes. */
  outcomes: number;
  vocabSize: number;
  /** `levels[n - 1]` holds the n-grams. */
  levels: Level[];
  /** `contexts[n]` describes what follows the n-grams; the empty one is `contexts[0]`. */
  contexts: Contexts[];
}

/** Units after each other, each after one BOS. */
interface Padded {
  ids: Int32Array;
  /** 1 where a BOS stands. */
  starts: Uint8Array;
}

/**
 * Estimates the discounts from counts of counts (Chen & Goodman, equation 26), falling back to ½, 1, 1½
 * where a corpus is too small for the estimate to exist or to be a discount at all.
 */
export function discountsOf(counts: Iterable<number>): Discounts {
  const n = [0, 0, 0, 0, 0];
  for (const count of counts) if (count <= 4) n[count]!++;
  const [, n1, n2, n3, n4] = n as [number, number, number, number, number];
  const y = n1 / (n1 + 2 * n2);
  const estimates = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
  const usable = estimates.every((discount, index) => Number.isFinite(discount) && discount >= 0 && discount <= index + 1);
  return usable ? [0, ...(estimates as [number, number, number])] : [0, 0.5, 1, 1.5];
}

/**
 * Counts n-grams inside units and never across them.
 *
 * @param units token ids, each ending in its end token; every token is predicted
 * @param order n of the longest n-gram, at least 1
 * @param bos the token that stands before each unit; it is a context and never predicted
 * @param vocabSize ids are 0 … vocabSize − 1
 * @param outcomes how many different tokens can be predicted
 */
export function trainNgram(
  units: Iterable<ArrayLike<number>>,
  { order, bos, vocabSize, outcomes }: { order: number; bos: number; vocabSize: number; outcomes: number },
): NgramModel {
  const text = pad(units, bos);
  const levels: Level[] = [];
  const contexts: Contexts[] = [];
  // Rank of the n-gram that ends at each position; −1 where it would begin before its unit. The empty n-gram ends everywhere.
  let ranks: Int32Array = new Int32Array(text.ids.length);
  let size = 1;
  for (let n = 1; n <= order; n++) {
    const level = countLevel(text, ranks, { n, vocabSize });
    // Below the longest order a count is the number of different tokens seen before the n-gram, except after BOS, before which there is
    // never anything.
    if (n > 1) adjust(levels[n - 2]!, ranks, level.ranks, { n, starts: text.starts, longer: level.keys.length });
    levels.push({ keys: level.keys, counts: level.counts, discounts: [0, 0, 0, 0] });
    if (n > 1) contexts.push(follow(levels[n - 2]!, { size, vocabSize }));
    if (n > 1) size = levels[n - 2]!.keys.length;
    ranks = level.ranks;
  }
  contexts.push(follow(levels[order - 1]!, { size, vocabSize }));
  for (const level of levels) level.discounts = discountsOf(level.counts);
  return { order, outcomes, vocabSize, levels, contexts };
}

function pad(units: Iterable<ArrayLike<number>>, bos: number): Padded {
  let ids = new Int32Array(1024);
  let length = 0;
  const push = (id: number): void => {
    if (length === ids.length) {
      const grown = new Int32Array(length * 2);
      grown.set(ids);
      ids = grown;
    }
    ids[length++] = id;
  };
  const begins: number[] = [];
  for (const unit of units) {
    begins.push(length);
    push(bos);
    for (let i = 0; i < unit.length; i++) push(unit[i]!);
  }
  const starts = new Uint8Array(length);
  for (const begin of begins) starts[begin] = 1;
  return { ids: ids.subarray(0, length), starts };
}

/** The n-grams with their plain counts, and the rank of the one that ends at each position. `shorter` has the ranks of order n − 1. */
function countLevel(
  { ids, starts }: Padded,
  shorter: Int32Array,
  { n, vocabSize }: { n: number; vocabSize: number },
): { keys: Float64Array; counts: Uint32Array; ranks: Int32Array } {
  const keyAt = (i: number): number => {
    // BOS begins n-grams and is predicted by none; it is an n-gram of its own only to be a context.
    if (starts[i]) return n === 1 ? ids[i]! : -1;
    const parent = n === 1 ? 0 : shorter[i - 1]!;
    return parent < 0 ? -1 : parent * vocabSize + ids[i]!;
  };
  const all = new Float64Array(ids.length);
  for (let i = 0; i < ids.length; i++) all[i] = keyAt(i);
  all.sort();
  let distinct = 0;
  for (let i = 0; i < all.length; i++) if (all[i]! >= 0 && all[i] !== all[i - 1]) all[distinct++] = all[i]!;
  const keys = all.slice(0, distinct);
  const counts = new Uint32Array(distinct);
  const ranks = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const key = keyAt(i);
    ranks[i] = key < 0 ? -1 : rankOf(keys, key);
    if (key >= 0 && !starts[i]) counts[ranks[i]!]!++;
  }
  return { keys, counts, ranks };
}

/** Turns the plain counts of order n − 1 into how many different tokens stand before each of its n-grams. */
function adjust(
  level: Level,
  ranks: Int32Array,
  longer: Int32Array,
  { n, starts, longer: size }: { n: number; starts: Uint8Array; longer: number },
): void {
  const afterBos = new Uint8Array(level.counts.length);
  for (let i = 0; i < ranks.length; i++) if (n > 2 && ranks[i]! >= 0 && !starts[i] && starts[i - n + 2]) afterBos[ranks[i]!] = 1;
  for (let rank = 0; rank < level.counts.length; rank++) if (!afterBos[rank]) level.counts[rank] = 0;
  const seen = new Uint8Array(size);
  for (let i = 0; i < longer.length; i++) {
    const rank = longer[i]!;
    if (rank < 0 || starts[i] || seen[rank]) continue;
    seen[rank] = 1;
    level.counts[ranks[i]!]!++;
  }
}

function follow({ keys, counts }: Level, { size, vocabSize }: { size: number; vocabSize: number }): Contexts {
  const contexts = {
    totals: new Float64Array(size),
    ones: new Uint32Array(size),
    twos: new Uint32Array(size),
    more: new Uint32Array(size),
  };
  for (let rank = 0; rank < keys.length; rank++) {
    const count = counts[rank]!;
    if (count === 0) continue;
    const parent = Math.floor(keys[rank]! / vocabSize);
    contexts.totals[parent]! += count;
    const kind = count === 1 ? contexts.ones : count === 2 ? contexts.twos : contexts.more;
    kind[parent]!++;
  }
  return contexts;
}

/** Index of a key among the sorted keys, −1 if it is absent. */
function rankOf(keys: Float64Array, key: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return keys[low] === key ? low : -1;
}

/** p(token | context), the context being the tokens before it, oldest first; only the last order − 1 of them are read. */
export function probability(model: NgramModel, context: ArrayLike<number>, token: number): number {
  const { order, outcomes, vocabSize, levels, contexts } = model;
  let p = 1 / outcomes;
  for (let n = 1; n <= Math.min(order, context.length + 1); n++) {
    let rank = 0;
    for (let k = 1; k < n && rank >= 0; k++) rank = rankOf(levels[k - 1]!.keys, rank * vocabSize + context[context.length - n + k]!);
    const { totals, ones, twos, more } = contexts[n - 1]!;
    // A context never seen leaves the shorter one's estimate as it is, and no longer one has been seen either.
    if (rank < 0 || totals[rank] === 0) break;
    const { keys, counts, discounts } = levels[n - 1]!;
    const count = counts[rankOf(keys, rank * vocabSize + token)] ?? 0;
    const freed = discounts[1] * ones[rank]! + discounts[2] * twos[rank]! + discounts[3] * more[rank]!;
    p = (count - discounts[Math.min(count, 3)]! + freed * p) / totals[rank]!;
  }
  return p;
}

/** Natural logarithm of the probability of each token of the units, unit after unit. */
export function logProbabilities(model: NgramModel, units: Iterable<ArrayLike<number>>, bos: number): number[] {
  const logs: number[] = [];
  for (const unit of units) {
    for (let i = 0; i < unit.length; i++) {
      const context: number[] = [];
      for (let j = Math.max(-1, i - model.order + 1); j < i; j++) context.push(j < 0 ? bos : unit[j]!);
      logs.push(Math.log(probability(model, context, unit[i]!)));
    }
  }
  return logs;
}
