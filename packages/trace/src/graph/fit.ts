import type { Dim, Extent, Sizes } from './extent.js';

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
 * The simplest extent that takes `values[i]` at `samples[i]`, or undefined when none does.
 * A bare multiple is preferred to one with a constant, a low degree to a high one.
 */
export function fit(values: readonly number[], samples: readonly Sizes[]): Dim | undefined {
  if (values.every((value) => value === values[0])) return values[0];
  let best: Extent | undefined;
  for (const dims of monomials(Object.keys(samples[0]!).sort())) {
    const products = samples.map((sizes) => dims.reduce((value, name) => value * sizes[name]!, 1));
    const coefficient = (values[1]! - values[0]!) / (products[1]! - products[0]!);
    if (!Number.isInteger(coefficient) || coefficient === 0) continue;
    const constant = values[0]! - coefficient * products[0]!;
    if (!values.every((value, i) => value === coefficient * products[i]! + constant)) continue;
    if (constant === 0) return { coefficient, dims, constant };
    best ??= { coefficient, dims, constant };
  }
  return best;
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101];

/**
 * Three sizes for every symbolic dimension: distinct primes, chosen so that no two monomials are affine in each other
 * over the three samples and `fit` therefore has at most one answer.
 * `limits[name]` is the largest size that the traced function accepts, such as the length of a table.
 */
export function samples(names: readonly string[], limits: Readonly<Record<string, number>> = {}): Sizes[] {
  const chosen: Sizes[] = [{}, {}, {}];
  const used = new Set<number>();
  const byLimit = [...names].sort((a, b) => (limits[a] ?? Infinity) - (limits[b] ?? Infinity) || (a < b ? -1 : 1));
  for (const name of byLimit) {
    const pool = PRIMES.filter((prime) => !used.has(prime) && prime <= (limits[name] ?? Infinity));
    const triple = triples(pool).find((candidate) => {
      const trial = chosen.map((sizes, i) => ({ ...sizes, [name]: candidate[i]! }));
      return independent(trial);
    });
    if (!triple)
      throw new RangeError(
        `symbolic dimension '${name}': its largest size ${limits[name]} leaves too few distinct sizes to trace at; raise it to 17 or more`,
      );
    triple.forEach((value, i) => {
      chosen[i]![name] = value;
      used.add(value);
    });
  }
  return chosen;
}

function triples(pool: readonly number[]): number[][] {
  const all: number[][] = [];
  for (let c = 2; c < pool.length; c++) for (let b = 1; b < c; b++) for (let a = 0; a < b; a++) all.push([pool[a]!, pool[b]!, pool[c]!]);
  return all;
}

function independent(trial: readonly Sizes[]): boolean {
  const ratios = new Set<number>();
  for (const dims of monomials(Object.keys(trial[0]!).sort())) {
    const [a, b, c] = trial.map((sizes) => dims.reduce((value, name) => value * sizes[name]!, 1)) as [number, number, number];
    const ratio = (c - a) / (b - a);
    if (ratios.has(ratio)) return false;
    ratios.add(ratio);
  }
  return true;
}
