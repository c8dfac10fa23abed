/** A size that is known only when the graph runs: `coefficient · ∏ dims + constant`, plus further products for axes that are joined. */
export interface Extent {
  /** Whole, or a fraction that is whole after the product because the sizes are multiples of a number. */
  coefficient: number;
  /** Names of symbolic dimensions, sorted; a name may repeat (length · length). */
  dims: string[];
  constant: number;
  plus?: Pick<Extent, 'coefficient' | 'dims'>[];
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
  return isExtent(dim) && dim.coefficient === 1 && dim.constant === 0 && dim.dims.length === 1 && !dim.plus ? dim.dims[0] : undefined;
}

/** The products that a size is the sum of, apart from its constant. */
export const terms = ({ coefficient, dims, plus = [] }: Extent): Pick<Extent, 'coefficient' | 'dims'>[] => [{ coefficient, dims }, ...plus];

/** The sum of sizes: equal products are counted together. */
export function sum(sizes: readonly Dim[]): Dim {
  const constant = sizes.reduce<number>((total, dim) => total + (isExtent(dim) ? dim.constant : dim), 0);
  const merged = new Map<string, Pick<Extent, 'coefficient' | 'dims'>>();
  for (const { coefficient, dims } of sizes.filter(isExtent).flatMap(terms)) {
    const key = JSON.stringify(dims);
    merged.set(key, { coefficient: (merged.get(key)?.coefficient ?? 0) + coefficient, dims });
  }
  const [first, ...plus] = [...merged.entries()].filter(([, { coefficient }]) => coefficient !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!first) return constant;
  return { ...first[1], constant, ...(plus.length > 0 && { plus: plus.map(([, term]) => term) }) };
}

/** Text such as `64·batch·length+1`. */
export function show(dim: Dim): string {
  if (!isExtent(dim)) return String(dim);
  const text = terms(dim)
    .map(({ coefficient, dims }) => [...(coefficient === 1 ? [] : [String(coefficient)]), ...dims].join('·'))
    .join('+');
  return dim.constant === 0 ? text : `${text}${dim.constant > 0 ? '+' : ''}${dim.constant}`;
}

/** The coefficient as a whole numerator and denominator. */
export function fraction({ coefficient }: Pick<Extent, 'coefficient'>): [number, number] {
  for (let denominator = 1; denominator < 2 ** 20; denominator++)
    if (Number.isInteger(coefficient * denominator)) return [coefficient * denominator, denominator];
  return [coefficient, 1];
}

/** A key of sizes: equal ones have equal keys, whatever characters the names have. */
export const keyOf = (dims: readonly Dim[]): string =>
  JSON.stringify(dims.map((dim) => (isExtent(dim) ? [dim.constant, terms(dim)] : dim)));

export const equal = (a: Dim, b: Dim): boolean => a === b || (isExtent(a) && isExtent(b) && keyOf([a]) === keyOf([b]));

/** Value of `dim` at `sizes`. */
export function evaluate(dim: Dim, sizes: Sizes): number {
  if (!isExtent(dim)) return dim;
  return terms(dim).reduce(
    (total, term) => total + term.dims.reduce((value, name) => value * sizes[name]!, term.coefficient),
    dim.constant,
  );
}
