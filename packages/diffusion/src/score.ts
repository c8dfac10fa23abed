import { earliestEnd } from './constraints.js';
import { DiffusionError } from './error.js';
import { FEW, weigh } from './weigh.js';
import { type IdList, keepLargest, listLargest, massOf } from './nucleus.js';
import type { SamplingOptions } from './options.js';
import type { Rng } from './random.js';
import type { Alternative, Commit, Evaluation, StepArgs } from './sampler.js';
import { newScratch, sized } from './scratch.js';
import { banWords, ENDS, keepOnly, breaksRule, STARTS } from './words.js';

/** Reads logits position by position: call `load` first; the other functions use the position loaded last. */
export interface Scorer {
  /** applies bias, bans and the repetition penalty to the logits of the i-th evaluated position */
  load(i: number): void;
  /** of a token at temperature 1, before topK and topP */
  probability(token: number): number;
  /** entropy in nats, as `probability` */
  entropy(): number;
  /** the `count` likeliest tokens that are allowed, likeliest first, with their `probability` */
  likeliest(count: number): Alternative[];
  /** the two largest values, which are −∞ where fewer tokens are allowed, as logits minus the log-normaliser */
  topTwo(): [number, number];
  /** draws a token with temperature, topK and topP */
  draw(rng: Rng): number;
  /** whether a token of the i-th position breaks a rule on words beside the tokens that have been seen */
  spoils(i: number, token: number): boolean;
  /** counts a token as committed at the i-th position: the repetition penalty and the rules on words apply to it */
  see(i: number, token: number): void;
}

/** Of the logits: the k most likely tokens are hardly ever further below the first one. Further below, choosing them is slower. */
const TOP = 24;

/** Everything in float64: float32 noise lowers the temperature (arXiv 2409.02908). */
export function scorer(
  { canvas, maskId, constraints, positions, logits, scratch = newScratch() }: Evaluation,
  options: SamplingOptions,
): Scorer {
  const { forbidden, eosId, logitBias, letters, wordGuard, words, repetitionPenalty, temperature, topK, topP } = options;
  const size = positions.length > 0 ? logits(0).length : 0;
  checkBias(logitBias, size);
  const earliest = earliestEnd(constraints, options);
  const banned = [maskId, ...forbidden].filter((id) => id < size);
  const seen = repetitionPenalty === 1 ? null : new Set(canvas.filter((id) => id !== maskId && id < size));
  // weights: exp(x − max) at temperature 1, from which probabilities and entropies come
  const { x, weights, ids, tempered: other } = sized(scratch, size);
  const tempered = temperature === 1 ? weights : other;
  const filtered = topK !== null || (topP !== null && topP < 1);
  const list: IdList = { ids, count: 0 };
  let max = 0;
  let total = 0;
  const around = words === null ? null : surroundings({ canvas, maskId, constraints, size }, options);
  const neighbours = (p: number): number[] =>
    [canvas[p - 1], canvas[p + 1]].filter((id) => id !== undefined && id !== maskId && id < size) as number[];
  // A word that alone may be written may hold a piece twice: ba·na·na.
  const isPiece = (id: number): boolean => !!words?.allowed && (letters![id]! & STARTS) !== 0;
  const insideWord = (before: number): boolean => before >= 0 && (canvas[before] === maskId || (letters![canvas[before]!]! & ENDS) !== 0);

  return {
    load(i) {
      const row = logits(i);
      if (size < FEW) for (let v = 0; v < size; v++) x[v] = row[v]!;
      else x.set(row);
      if (logitBias !== null) for (let v = 0; v < size; v++) x[v]! += logitBias[v]!;
      if (seen !== null) for (const v of seen) x[v]! -= Math.log(repetitionPenalty);
      for (const v of banned) x[v] = -Infinity;
      if (eosId !== null && eosId < size && positions[i]! < earliest) x[eosId] = -Infinity;
      const set = constraints?.get(positions[i]!);
      if (set?.allow) keepOnly(x, set.allow);
      if (set?.forbid) for (const v of set.forbid) if (v < size) x[v] = -Infinity;
      if (around !== null && set?.allow?.length !== 1) banWords(x, positions[i]!, words!, around);
      if (letters !== null && wordGuard > 0 && !set?.allow) {
        for (const id of neighbours(positions[i]!)) if ((letters[id]! & ENDS) !== 0 && !isPiece(id)) x[id] = -Infinity;
      }
      if (letters !== null && wordGuard > 0 && insideWord(positions[i]! - 1)) dropUnlikely(x, letters, Math.log(wordGuard));
      ({ max, sum: total } = weigh(x, 1, weights));
      if (!Number.isFinite(total)) {
        const got = max === -Infinity ? 'none that is allowed' : 'NaN or infinity';
        throw new DiffusionError(
          'MDIFF_LOGITS',
          `logits at position ${positions[i]}: expected finite numbers, got ${got}; the model may be damaged`,
        );
      }
    },
    probability: (token) => weights[token]! / total,
    entropy: () => entropy(x, max, weights, total),
    likeliest: (count) => largest(weights, count).map((token) => ({ token, probability: weights[token]! / total })),
    topTwo() {
      const [first, second] = topTwo(x);
      const logZ = max + Math.log(total);
      return [first - logZ, second - logZ];
    },
    draw(rng) {
      if (temperature === 0) return x.indexOf(max);
      if (topK !== null) {
        listLargest(list, { x, mass: null, target: topK, max, depth: TOP });
        for (let i = 0; i < list.count; i++) tempered[list.ids[i]!] = Math.exp((x[list.ids[i]!]! - max) / temperature);
        if (topP !== null && topP < 1) keepLargest(list, { x, mass: tempered, target: topP * massOf(list, tempered) });
        return drawListed(tempered, list, rng.next() * massOf(list, tempered));
      }
      const sum = temperature === 1 ? total : weigh(x, temperature, tempered).sum;
      if (!filtered) return drawAny(tempered, rng.next() * sum);
      // Tokens whose weight is below this share hold less than 1 − topP together, so the smallest set has none of them.
      const depth = Math.max(1e-9, -Math.log(((1 - topP!) / size) * sum)) * temperature;
      listLargest(list, { x, mass: tempered, target: topP! * sum, max, depth });
      return drawListed(tempered, list, rng.next() * massOf(list, tempered));
    },
    spoils: (i, token) => around !== null && breaksRule(token, positions[i]!, words!, around),
    see(i, token) {
      seen?.add(token);
      around?.commits.set(positions[i]!, token);
    },
  };
}

/** Draws a token for every evaluated position, left to right. */
export function drawAll(args: StepArgs): Commit[] {
  const score = scorer(args, args.options);
  return Array.from(args.positions, (position, i) => {
    score.load(i);
    const token = score.draw(args.rng);
    score.see(i, token);
    return { position, token, probability: score.probability(token) };
  });
}

/** The commits of a step with the likeliest tokens of their positions, before any of them was committed. */
export function withAlternatives(commits: readonly Commit[], args: StepArgs): Commit[] {
  const score = scorer(args, args.options);
  return commits.map((commit) => {
    score.load(args.positions.indexOf(commit.position));
    return { ...commit, alternatives: score.likeliest(args.options.alternatives) };
  });
}

function checkBias(logitBias: Float64Array | null, size: number): void {
  if (logitBias === null || logitBias.length === size) return;
  throw new DiffusionError('MDIFF_SAMPLING', `sampling option logitBias: expected ${size} numbers, one per token, got ${logitBias.length}`);
}

/** Bans the pieces of words more than `distance` (≤ 0) below the largest logit: likely pieces make a word, an unlikely one rarely does. */
function dropUnlikely(x: Float64Array, letters: Uint8Array, distance: number): void {
  let bound = -Infinity;
  for (let v = 0; v < x.length; v++) if (x[v]! > bound) bound = x[v]!;
  bound += distance;
  for (let v = 0; v < letters.length; v++) if ((letters[v]! & STARTS) !== 0 && x[v]! < bound) x[v] = -Infinity;
}

/** The ids beside a position: those of the canvas, those committed earlier in the step, and those that a constraint forces. */
function surroundings(
  { canvas, maskId, constraints, size }: Pick<Evaluation, 'canvas' | 'maskId' | 'constraints'> & { size: number },
  { letters, remasking }: SamplingOptions,
) {
  const commits = new Map<number, number>();
  const id = (p: number): number => {
    const token = canvas[p] ?? -1;
    if (token !== maskId) return token < size ? token : -1;
    const allow = constraints?.get(p)?.allow;
    return commits.get(p) ?? (allow?.length === 1 ? allow[0]! : -1);
  };
  return { id, commits, letters: letters ?? new Uint8Array(size), remasking: remasking > 0 };
}

/** −Σ p·ln p of p = weights/total, in nats. */
function entropy(x: Float64Array, max: number, weights: Float64Array, total: number): number {
  let sum = 0;
  for (let v = 0; v < x.length; v++) if (weights[v]! > 0) sum += weights[v]! * (max - x[v]!);
  return Math.log(total) + sum / total;
}

/** Indices of the largest positive values, the largest first, and the lower index first among equal ones; `count` is small. */
function largest(values: Float64Array, count: number): number[] {
  const best: number[] = [];
  for (let v = 0; v < values.length; v++) {
    const value = values[v]!;
    if (value === 0 || (best.length === count && value <= values[best[count - 1]!]!)) continue;
    let place = best.length;
    while (place > 0 && value > values[best[place - 1]!]!) place--;
    best.splice(place, 0, v);
    if (best.length > count) best.pop();
  }
  return best;
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

/** The first index at which the weights up to it exceed `target`. */
function drawAny(weights: Float64Array, target: number): number {
  let sum = 0;
  let last = 0;
  for (let v = 0; v < weights.length; v++) {
    if (weights[v] === 0) continue;
    sum += weights[v]!;
    last = v;
    if (sum > target) break;
  }
  return last;
}

/** As `drawAny`, among listed ids. */
function drawListed(weights: Float64Array, { ids, count }: IdList, target: number): number {
  let sum = 0;
  let i = 0;
  while (i < count - 1 && (sum += weights[ids[i]!]!) <= target) i++;
  return ids[i]!;
}
