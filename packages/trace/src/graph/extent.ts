/** A size that is known only when the graph runs: `coefficient · ∏ dims + constant`. */
export interface Extent {
  coefficient: number;
  /** Names of symbolic dimensions, sorted; a name may repeat (length · length). */
  dims: string[];
  constant: number;
}

/** An entry of a shape, or any number in an attribute. */
export type Dim = number | Extent;

/** A size for each symbolic dimension. */
export type Sizes = Record<string, number>;

export const symbol = (name: string): Extent => ({ coefficient: 1, dims: [name], constant: 0 });

export const isExtent = (value: unknown): value is Extent =>
  typeof value === 'object' && value !== null && 'coefficient' in value && 'dims' in value;

/** The name when `dim` is one bare symbol, otherwise undefined. */
export function symbolName(dim: Dim): string | undefined {
  return isExtent(dim) && dim.coefficient === 1 && dim.constant === 0 && dim.dims.length === 1 ? dim.dims[0] : undefined;
}

/** Text such as `64·batch·length+1`; equal extents have equal texts. */
export function show(dim: Dim): string {
  if (!isExtent(dim)) return String(dim);
  const product = [...(dim.coefficient === 1 ? [] : [String(dim.coefficient)]), ...dim.dims].join('·');
  return dim.constant === 0 ? product : `${product}${dim.constant > 0 ? '+' : ''}${dim.constant}`;
}

export const equal = (a: Dim, b: Dim): boolean => a === b || show(a) === show(b);

/** Value of `dim` at `sizes`. */
export function evaluate(dim: Dim, sizes: Sizes): number {
  return isExtent(dim) ? dim.dims.reduce((value, name) => value * sizes[name]!, dim.coefficient) + dim.constant : dim;
}
