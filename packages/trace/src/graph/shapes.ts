import { equal, isExtent, type Dim, type Extent } from './extent.js';

export const equalShapes = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => equal(dim, b[i]!));

/** Product of the entries; undefined when no extent can express it. */
export function product(shape: readonly Dim[]): Dim | undefined {
  let coefficient = 1;
  const dims: string[] = [];
  let offset: Extent | undefined;
  for (const dim of shape) {
    if (!isExtent(dim)) coefficient *= dim;
    else if (dim.constant !== 0 || dim.plus) {
      if (offset) return undefined;
      offset = dim;
    } else {
      coefficient *= dim.coefficient;
      dims.push(...dim.dims);
    }
  }
  if (offset) {
    if (dims.length > 0) return undefined;
    const times = <T extends { coefficient: number }>(term: T): T => ({ ...term, coefficient: term.coefficient * coefficient });
    return { ...times(offset), constant: offset.constant * coefficient, ...(offset.plus && { plus: offset.plus.map(times) }) };
  }
  return dims.length === 0 ? coefficient : { coefficient, dims: dims.sort(), constant: 0 };
}

/** Broadcast of symbolic shapes; undefined when two different sizes meet, which may be equal or not at run time. */
export function broadcastShapes(shapes: readonly (readonly Dim[])[]): Dim[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    let dim: Dim = 1;
    for (const shape of shapes) {
      const entry = shape[shape.length - rank + i] ?? 1;
      if (entry === 1 || equal(entry, dim)) continue;
      if (dim !== 1) return undefined;
      dim = entry;
    }
    result.push(dim);
  }
  return result;
}

/** True when tiling only repeats axes of size one. */
export const isBroadcast = (input: readonly Dim[], reps: readonly Dim[]): boolean => reps.every((rep, i) => rep === 1 || input[i] === 1);
