import type { Dim, Extent, Sizes } from './extent.js';
import { ownEntry } from './own.js';

/** The sizes that a symbolic dimension may have. */
export interface SizeRange {
  /** Smallest size that the graph has to be right for, 1 if absent. */
  min?: number;
  /** Largest size that the function accepts, such as the rows of a position table. */
  max?: number;
  /** Every size is a multiple of it; the function may then divide the size by it. */
  multiple?: number;
  /** The three sizes at which the function runs, instead of those that mdiff chooses. */
  samples?: readonly [number, number, number];
}
export type SizeRanges = Readonly<Record<string, SizeRange>>;

/** Every product of one to three of `names`, simplest first. */
export function monomials(names: readonly string[]): string[][] {
  let last: string[][] = [[]];
  const all: string[][] = [];
  for (let degree = 1; degree <= 3; degree++) {
    last = last.flatMap((head) => names.filter((name) => head.length === 0 || name >= head.at(-1)!).map((name) => [...head, name]));
    all.push(...last);
  }
  return all;
}

/**
 * The simplest extent that takes `values[i]` at `samples[i]`, or undefined when none does; `round` is how the values were stored.
 * A bare multiple is preferred to one with a constant, a low degree to a high one. The coefficient is whole unless the sizes are
 * multiples of a number that makes the product whole.
 */
export function fit(
  values: readonly number[],
  samples: readonly Sizes[],
  ranges: SizeRanges = {},
  round = (value: number): number => value,
): Dim | undefined {
  if (values.every((value) => value === values[0])) return values[0];
  let best: Extent | undefined;
  for (const dims of monomials(Object.keys(samples[0]!).sort())) {
    const products = samples.map((sizes) => dims.reduce((value, name) => value * sizes[name]!, 1));
    const unit = dims.reduce((total, name) => total * (ownEntry(ranges, name)?.multiple ?? 1), 1);
    const coefficient = (values[1]! - values[0]!) / (products[1]! - products[0]!);
    if (!Number.isInteger(coefficient * unit) || coefficient === 0) continue;
    const constant = values[0]! - coefficient * products[0]!;
    if (!values.every((value, i) => value === round(coefficient * products[i]! + constant))) continue;
    if (constant === 0) return { coefficient, dims, constant };
    best ??= { coefficient, dims, constant };
  }
  return best;
}

const isPrime = (value: number): boolean => {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
};

/** The large sample lies above this where the range allows it, so that windows, tables and branches of usual sizes show. */
const LARGE = 4099;
/** Small sizes that are tried for one dimension. */
const TRIED = 40;

/** Small sizes first the primes, because products of distinct primes differ; size 1 last, because it broadcasts. */
function smallSizes({ min = 1, max = Infinity, multiple = 1 }: SizeRange): number[] {
  const first = Math.max(1, Math.ceil(min / multiple));
  const factors = Array.from({ length: 101 }, (_, i) => first + i).filter((factor) => factor * multiple <= max);
  const primes = factors.filter(isPrime);
  const others = factors.filter((factor) => !isPrime(factor) && factor * multiple > 1);
  return [...primes, ...others, ...factors.filter((factor) => factor * multiple === 1)].map((factor) => factor * multiple);
}

/** Large sizes: prime multiples that no usual block size divides, the largest ones below a maximum. */
function largeSizes({ min = 1, max = Infinity, multiple = 1 }: SizeRange): number[] {
  const sizes: number[] = [];
  const least = Math.ceil(Math.max(LARGE, 2 * min) / multiple);
  if (least * multiple <= max) {
    for (let factor = least; sizes.length < TRIED && factor * multiple <= max; factor++) if (isPrime(factor)) sizes.push(factor * multiple);
    return sizes;
  }
  const most = Math.floor(max / multiple);
  for (const wanted of [true, false])
    for (let factor = most; factor * multiple >= Math.max(1, min) && factor > most - 200; factor--)
      if (isPrime(factor) === wanted) sizes.push(factor * multiple);
  return sizes;
}

/**
 * Three sizes for every symbolic dimension, two small ones and a large one, chosen so that no two monomials are affine in each other
 * over the three samples and `fit` therefore has at most one answer. Two samples determine an extent; the third, large and unaligned one
 * refuses what only looks like one, such as the smaller of the size and 100.
 * @throws RangeError when the ranges leave no such sizes
 */
export function samples(names: readonly string[], ranges: SizeRanges | Readonly<Record<string, number>> = {}): Sizes[] {
  const chosen: Sizes[] = [{}, {}, {}];
  const used = new Set<number>();
  const range = (name: string): SizeRange => {
    const entry = ownEntry<SizeRange | number>(ranges, name);
    return typeof entry === 'number' ? { max: entry } : (entry ?? {});
  };
  const spread = (name: string): number => (range(name).samples ? 0 : (range(name).max ?? Infinity) / (range(name).multiple ?? 1));
  const ordered = [...names].sort((a, b) => spread(a) - spread(b) || (a < b ? -1 : 1));
  ordered.forEach((name, i) => {
    const earlier = ordered.slice(0, i);
    const given = range(name).samples;
    const triple = given ?? firstOf(triples(range(name), used), (candidate) => independent(chosen, earlier, name, candidate));
    if (!triple || new Set(triple).size < 3) throw new RangeError(fewSizes(name, range(name), ordered.length));
    triple.forEach((value, k) => {
      chosen[k]![name] = value;
      used.add(value);
    });
  });
  return chosen;
}

const fewSizes = (name: string, { max, samples: given }: SizeRange, dims: number): string =>
  given
    ? `symbolic dimension '${name}': expected three different sizes in its samples, got ${given.join(', ')}`
    : `symbolic dimension '${name}': its largest size${max === undefined ? '' : ` ${max}`} leaves too few sizes to tell ${
        dims > 1 ? `${dims} dimensions` : 'sizes'
      } apart; ${max === undefined ? 'name fewer sizes' : 'raise it, or give another size a fixed number'}`;

function* triples(range: SizeRange, used: ReadonlySet<number>): Generator<[number, number, number]> {
  const small = smallSizes(range).slice(0, TRIED);
  const large = largeSizes(range).slice(0, TRIED);
  // Sizes that no other dimension has come first.
  const fresh = (sizes: number[]): number[] => [...sizes.filter((size) => !used.has(size)), ...sizes.filter((size) => used.has(size))];
  const [low, high] = [fresh(small), fresh(large)];
  for (let b = 1; b < low.length; b++)
    for (let a = 0; a < b; a++) for (const c of high.slice(0, 5)) if (c !== low[a] && c !== low[b]) yield [low[a]!, low[b]!, c];
}

function firstOf<T>(candidates: Iterable<T>, fits: (candidate: T) => boolean): T | undefined {
  for (const candidate of candidates) if (fits(candidate)) return candidate;
  return undefined;
}

/** True when no monomial with the new dimension is affine in another one over the three samples. */
function independent(chosen: readonly Sizes[], earlier: readonly string[], name: string, candidate: readonly number[]): boolean {
  const trial = chosen.map((sizes, i) => ({ ...sizes, [name]: candidate[i]! }));
  const ratios = new Set<number>();
  for (const dims of monomials([...earlier, name].sort())) {
    const [a, b, c] = trial.map((sizes) => dims.reduce((value, dim) => value * sizes[dim]!, 1)) as [number, number, number];
    const ratio = (c - a) / (b - a);
    if (ratios.has(ratio)) return false;
    ratios.add(ratio);
  }
  return true;
}
