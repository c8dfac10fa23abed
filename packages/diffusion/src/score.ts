import { earliestEnd } from './constraints.js';
import { DiffusionError } from './error.js';
import type { SamplingOptions } from './options.js';
import type { Rng } from './random.js';
import type { Commit, Evaluation, StepArgs } from './sampler.js';

/** Reads logits position by position: call `load` first; the other functions use the position loaded last. */
export interface Scorer {
  /** applies bias, bans and the repetition penalty to the logits of the i-th evaluated position */
  load(i: number): void;
  /** of a token at temperature 1, before topK and topP */
  probability(token: number): number;
  /** entropy in nats, as `probability` */
  entropy(): number;
  /** the two largest values, which are −∞ where fewer tokens are allowed, as logits minus the log-normaliser */
  topTwo(): [number, number];
  /** draws a token with temperature, topK and topP */
  draw(rng: Rng): number;
  /** from now on the repetition penalty applies to this token */
  see(token: number): void;
}

/** Everything in float64: float32 noise lowers the temperature (arXiv 2409.02908). */
export function scorer({ canvas, maskId, constraints, positions, logits }: Evaluation, options: SamplingOptions): Scorer {
  const { forbidden, eosId, logitBias, repetitionPenalty } = options;
  const size = positions.length > 0 ? logits(0).length : 0;
  if (logitBias !== null && logitBias.length !== size) {
    throw new DiffusionError(
      'MDIFF_SAMPLING',
      `sampling option logitBias: expected ${size} numbers, one per token, got ${logitBias.length}`,
    );
  }
  const earliest = earliestEnd(constraints, options);
  const banned = [maskId, ...forbidden].filter((id) => id < size);
  const seen = repetitionPenalty === 1 ? null : new Set(canvas.filter((id) => id !== maskId && id < size));
  const x = new Float64Array(size);
  const weights = new Float64Array(size);
  let max = 0;
  let logZ = 0;

  return {
    load(i) {
      const row = logits(i);
      for (let v = 0; v < size; v++) x[v] = row[v]!;
      if (logitBias !== null) for (let v = 0; v < size; v++) x[v]! += logitBias[v]!;
      if (seen !== null) for (const v of seen) x[v]! -= Math.log(repetitionPenalty);
      for (const v of banned) x[v] = -Infinity;
      if (eosId !== null && eosId < size && positions[i]! < earliest) x[eosId] = -Infinity;
      const set = constraints?.get(positions[i]!);
      if (set?.allow) keepOnly(x, set.allow);
      if (set?.forbid) for (const v of set.forbid) if (v < size) x[v] = -Infinity;
      max = largestOf(x);
      logZ = logNormaliser(x, max);
      if (!Number.isFinite(logZ)) {
        const got = max === -Infinity ? 'none that is allowed' : 'NaN or infinity';
        throw new DiffusionError(
          'MDIFF_LOGITS',
          `logits at position ${positions[i]}: expected finite numbers, got ${got}; the model may be damaged`,
        );
      }
    },
    probability: (token) => Math.exp(x[token]! - logZ),
    entropy: () => entropy(x, logZ),
    topTwo() {
      const [first, second] = topTwo(x);
      return [first - logZ, second - logZ];
    },
    draw(rng) {
      if (options.temperature === 0) return x.indexOf(max);
      for (let v = 0; v < size; v++) weights[v] = Math.exp((x[v]! - max) / options.temperature);
      return categorical(weights, candidates(x, weights, options.topK, options.topP), rng);
    },
    see(token) {
      seen?.add(token);
    },
  };
}

/** Draws a token for every evaluated position, left to right. */
export function drawAll(args: StepArgs): Commit[] {
  const score = scorer(args, args.options);
  return Array.from(args.positions, (position, i) => {
    score.load(i);
    const token = score.draw(args.rng);
    score.see(token);
    return { position, token, probability: score.probability(token) };
  });
}

/** Bans every token that is not in `allow`. */
function keepOnly(x: Float64Array, allow: Int32Array): void {
  const kept = Float64Array.from(allow, (v) => x[v] ?? -Infinity);
  x.fill(-Infinity);
  allow.forEach((v, i) => {
    if (v < x.length) x[v] = kept[i]!;
  });
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
function categorical(weights: Float64Array, kept: Int32Array | null, rng: Rng): number {
  const n = kept?.length ?? weights.length;
  let total = 0;
  for (let i = 0; i < n; i++) total += weights[kept ? kept[i]! : i]!;
  const target = rng.next() * total;
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
