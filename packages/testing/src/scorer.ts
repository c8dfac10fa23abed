// How the tokens of one position were scored and drawn before the scorer of @mdiff/diffusion became fast: every weight by Math.exp, topP by
// sorting. Its tests and bench/generate compare it with this.

export interface PlainOptions {
  temperature: number;
  topK: number | null;
  topP: number | null;
}

export interface PlainScorer {
  probability(token: number): number;
  entropy(): number;
  topTwo(): [number, number];
  /** `uniform` is from [0, 1) */
  draw(uniform: number): number;
}

/** `x`: the logits of the position, −∞ for tokens that are not allowed. */
export function plainScorer(x: Float64Array, { temperature, topK, topP }: PlainOptions): PlainScorer {
  const max = largestOf(x);
  const logZ = logNormaliser(x, max);
  return {
    probability: (token) => Math.exp(x[token]! - logZ),
    entropy: () => entropy(x, logZ),
    topTwo() {
      const [first, second] = topTwo(x);
      return [first - logZ, second - logZ];
    },
    draw(uniform) {
      if (temperature === 0) return x.indexOf(max);
      const weights = x.map((value) => Math.exp((value - max) / temperature));
      return categorical(weights, candidates(x, weights, topK, topP), uniform);
    },
  };
}

function largestOf(x: Float64Array): number {
  let max = -Infinity;
  for (let v = 0; v < x.length; v++) if (x[v]! > max) max = x[v]!;
  return max;
}

/** ln Σ exp(x), given the largest of them. */
function logNormaliser(x: Float64Array, max: number): number {
  let sum = 0;
  for (let v = 0; v < x.length; v++) sum += Math.exp(x[v]! - max);
  return max + Math.log(sum);
}

/** −Σ p·ln p of p = exp(x − logZ), in nats. */
function entropy(x: Float64Array, logZ: number): number {
  let sum = 0;
  for (let v = 0; v < x.length; v++) {
    const p = Math.exp(x[v]! - logZ);
    if (p > 0) sum += p * (logZ - x[v]!);
  }
  return sum;
}

function topTwo(x: Float64Array): [number, number] {
  let first = -Infinity;
  let second = -Infinity;
  for (let v = 0; v < x.length; v++) {
    const value = x[v]!;
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return [first, second];
}

/** An index drawn with probability proportional to its weight, among `kept` (null = all). */
function categorical(weights: Float64Array, kept: Int32Array | null, uniform: number): number {
  const n = kept?.length ?? weights.length;
  let total = 0;
  for (let i = 0; i < n; i++) total += weights[kept ? kept[i]! : i]!;
  const target = uniform * total;
  let sum = 0;
  let last = 0;
  for (let i = 0; i < n; i++) {
    const id = kept ? kept[i]! : i;
    if (weights[id] === 0) continue;
    sum += weights[id]!;
    last = id;
    if (sum > target) break;
  }
  return last;
}

/** Ids that topK and then topP keep, ascending; null = all. */
function candidates(x: Float64Array, weights: Float64Array, topK: number | null, topP: number | null): Int32Array | null {
  const kept = topK !== null && topK < x.length ? largest(x, null, topK, nthLargest(x.slice(), topK)) : null;
  if (topP === null || topP === 1) return kept;
  const pool = kept === null ? weights.slice() : Float64Array.from(kept, (id) => weights[id]!);
  let total = 0;
  for (const weight of pool) total += weight;
  // Tokens below this share hold less than 1 − topP together, so the smallest set has none of them and only few are left to sort.
  const floor = ((1 - topP) / pool.length) * total;
  let likely = 0;
  for (const weight of pool) if (weight >= floor) pool[likely++] = weight;
  const sorted = pool.subarray(0, likely).sort();
  let sum = 0;
  let n = 0;
  while (n < likely && sum < topP * total) sum += sorted[likely - ++n]!;
  return largest(weights, kept, n, sorted[likely - n]!);
}

/** The n ids among `ids` (null = all) with the largest values, given the smallest of those; ties go to the lower id. */
function largest(values: Float64Array, ids: Int32Array | null, n: number, bound: number): Int32Array {
  const size = ids?.length ?? values.length;
  let ties = n;
  for (let i = 0; i < size; i++) if (values[ids ? ids[i]! : i]! > bound) ties--;
  const out = new Int32Array(n);
  for (let i = 0, count = 0; count < n; i++) {
    const id = ids ? ids[i]! : i;
    const value = values[id]!;
    if (value > bound || (value === bound && ties-- > 0)) out[count++] = id;
  }
  return out;
}

/** The n-th largest of `values`, which it reorders (Hoare's quickselect). */
function nthLargest(values: Float64Array, n: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! > pivot) i++;
      while (values[j]! < pivot) j--;
      if (i <= j) {
        const swap = values[i]!;
        values[i++] = values[j]!;
        values[j--] = swap;
      }
    }
    if (n - 1 <= j) high = j;
    else if (n - 1 >= i) low = i;
    else break;
  }
  return values[n - 1]!;
}
