/** A size that is known only when the graph runs: `coefficient · ∏ dims + constant`. */
export interface Extent {
  coefficient: number;
  /** Names of symbolic dimensions, sorted; a name may repeat (length · length). */
  dims: string[];
  constant: number;
}

/** An entry of a shape, or any number in an attribute. */
export type Dim = number | Extent;

/** One value per symbolic dimension: what a trace was run with. */
export type Sizes = Record<string, number>;

export const symbol = (name: string): Extent => ({ coefficient: 1, dims: [name], constant: 0 });

export const isExtent = (value: unknown): value is Extent =>
  typeof value === 'object' && value !== null && 'coefficient' in value && 'dims' in value;

/** The name when `dim` is one bare symbol, otherwise undefined. */
export function symbolName(dim: Dim): string | undefined {
  return isExtent(dim) && dim.coefficient === 1 && dim.constant === 0 && dim.dims.length === 1 ? dim.dims[0] : undefined;
}

/** `64·batch·length+1`; also the identity of an extent. */
export function show(dim: Dim): string {
  if (!isExtent(dim)) return String(dim);
  const product = [...(dim.coefficient === 1 ? [] : [String(dim.coefficient)]), ...dim.dims].join('·');
  return dim.constant === 0 ? product : `${product}${dim.constant > 0 ? '+' : ''}${dim.constant}`;
}

export const equal = (a: Dim, b: Dim): boolean => a === b || show(a) === show(b);

export const equalShapes = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => equal(dim, b[i]!));

/** Product of the entries, or undefined when it leaves the family. */
export function product(shape: readonly Dim[]): Dim | undefined {
  let coefficient = 1;
  const dims: string[] = [];
  let offset: Extent | undefined;
  for (const dim of shape) {
    if (!isExtent(dim)) coefficient *= dim;
    else if (dim.constant !== 0) {
      if (offset) return undefined;
      offset = dim;
    } else {
      coefficient *= dim.coefficient;
      dims.push(...dim.dims);
    }
  }
  if (offset) {
    if (dims.length > 0) return undefined;
    return { coefficient: offset.coefficient * coefficient, dims: offset.dims, constant: offset.constant * coefficient };
  }
  return dims.length === 0 ? coefficient : { coefficient, dims: dims.sort(), constant: 0 };
}

/** Value of `dim` at `sizes`. */
export function evaluate(dim: Dim, sizes: Sizes): number {
  return isExtent(dim) ? dim.dims.reduce((value, name) => value * sizes[name]!, dim.coefficient) + dim.constant : dim;
}

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
    const at = samples.map((sizes) => dims.reduce((value, name) => value * sizes[name]!, 1));
    const coefficient = (values[1]! - values[0]!) / (at[1]! - at[0]!);
    if (!Number.isInteger(coefficient) || coefficient === 0) continue;
    const constant = values[0]! - coefficient * at[0]!;
    if (!values.every((value, i) => value === coefficient * at[i]! + constant)) continue;
    if (constant === 0) return { coefficient, dims, constant };
    best ??= { coefficient, dims, constant };
  }
  return best;
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101];

/**
 * Three sizes for every symbolic dimension: distinct primes, chosen so that no two monomials are affine in each other
 * over the three samples and `fit` therefore has at most one answer.
 * `limits[name]` is the largest size the traced function accepts (a table of that length, say).
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
  const found: number[][] = [];
  for (let c = 2; c < pool.length; c++) for (let b = 1; b < c; b++) for (let a = 0; a < b; a++) found.push([pool[a]!, pool[b]!, pool[c]!]);
  return found;
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
