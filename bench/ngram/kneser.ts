/** Interpolated modified Kneser–Ney over token ids (Chen & Goodman 1999, section 3). Knows nothing of text, files or models. */

/** Discounts: numbers subtracted from counts of 1, 2 and ≥ 3; index 0 is unused. */
type Discounts = readonly [number, number, number, number];

/** One order: adjusted counts per n-gram and, per context, their sum and how many continuations have count 1, 2, ≥ 3. */
interface Order {
  counts: Map<number, number>;
  discounts: Discounts;
}

interface Context {
  total: number;
  ones: number;
  twos: number;
  more: number;
}

/** A trained model; plain data, read by `probability`. */
export interface NgramModel {
  order: number;
  /** How many distinct tokens can follow a context: the uniform floor is 1 / outcomes. */
  outcomes: number;
  /** Trie of every n-gram seen: `child(node, token)` is its node, 0 the empty one. */
  trie: Trie;
  orders: Order[];
  contexts: Map<number, Context>;
}

class Trie {
  private readonly nodes = new Map<number, number>();
  private size = 1;

  constructor(private readonly vocabSize: number) {}

  /** Node of `parent` extended by `token`, or −1. A key stays exact: nodes × vocabulary is far below 2^53. */
  child(parent: number, token: number): number {
    return this.nodes.get(parent * this.vocabSize + token) ?? -1;
  }

  grow(parent: number, token: number): number {
    const key = parent * this.vocabSize + token;
    const found = this.nodes.get(key);
    if (found !== undefined) return found;
    this.nodes.set(key, this.size);
    return this.size++;
  }
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
  const trie = new Trie(vocabSize);
  const raw: Map<number, number>[] = Array.from({ length: order }, () => new Map());
  const links = new Map<number, { parent: number; suffix: number; afterBos: boolean }>();
  for (const unit of units) {
    const at = (i: number): number => (i < 0 ? bos : unit[i]!);
    for (let i = 0; i < unit.length; i++) {
      for (let n = 1; n <= order && i - n + 1 >= -1; n++) {
        let parent = 0;
        for (let j = i - n + 1; j < i; j++) parent = trie.grow(parent, at(j));
        const node = trie.grow(parent, at(i));
        raw[n - 1]!.set(node, (raw[n - 1]!.get(node) ?? 0) + 1);
        if (links.has(node)) continue;
        let suffix = 0;
        for (let j = i - n + 2; j <= i; j++) suffix = trie.grow(suffix, at(j));
        links.set(node, { parent, suffix, afterBos: i - n + 1 === -1 });
      }
    }
  }
  // Below the longest order a count is the number of different tokens seen before the n-gram,
  // except after BOS, before which there is never anything.
  const adjusted = raw.map((counts, index) => {
    if (index === order - 1) return counts;
    const kept = new Map([...counts].filter(([node]) => links.get(node)!.afterBos));
    for (const node of raw[index + 1]!.keys()) {
      const { suffix } = links.get(node)!;
      kept.set(suffix, (kept.get(suffix) ?? 0) + 1);
    }
    return kept;
  });
  const contexts = new Map<number, Context>();
  for (const counts of adjusted) {
    for (const [node, count] of counts) {
      const { parent } = links.get(node)!;
      const context = contexts.get(parent) ?? { total: 0, ones: 0, twos: 0, more: 0 };
      context.total += count;
      if (count === 1) context.ones++;
      else if (count === 2) context.twos++;
      else context.more++;
      contexts.set(parent, context);
    }
  }
  return { order, outcomes, trie, orders: adjusted.map((counts) => ({ counts, discounts: discountsOf(counts.values()) })), contexts };
}

/** p(token | context), the context being the tokens before it, oldest first; only the last order − 1 of them are read. */
export function probability({ order, outcomes, trie, orders, contexts }: NgramModel, context: ArrayLike<number>, token: number): number {
  let p = 1 / outcomes;
  for (let n = 1; n <= Math.min(order, context.length + 1); n++) {
    let node = 0;
    for (let j = context.length - n + 1; j < context.length && node >= 0; j++) node = trie.child(node, context[j]!);
    const seen = node < 0 ? undefined : contexts.get(node);
    // A context never seen leaves the shorter one's estimate as it is, and no longer one has been seen either.
    if (seen === undefined) break;
    const { counts, discounts } = orders[n - 1]!;
    const count = counts.get(trie.child(node, token)) ?? 0;
    const freed = discounts[1] * seen.ones + discounts[2] * seen.twos + discounts[3] * seen.more;
    p = (count - discounts[Math.min(count, 3)]! + freed * p) / seen.total;
  }
  return p;
}

/** Total cost of the units in nats, and the number of tokens predicted. */
export function evaluate(model: NgramModel, units: Iterable<ArrayLike<number>>, bos: number): { nats: number; tokens: number } {
  let nats = 0;
  let tokens = 0;
  for (const unit of units) {
    for (let i = 0; i < unit.length; i++) {
      const context: number[] = [];
      for (let j = Math.max(-1, i - model.order + 1); j < i; j++) context.push(j < 0 ? bos : unit[j]!);
      nats -= Math.log(probability(model, context, unit[i]!));
      tokens++;
    }
  }
  return { nats, tokens };
}
