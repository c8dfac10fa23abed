import type { Dtype, TypedArray } from './graph.js';

export function arrayOf(dtype: Dtype, values: ArrayLike<number>): TypedArray {
  return dtype === 'float32'
    ? Float32Array.from(values)
    : dtype === 'int32'
      ? Int32Array.from(values)
      : Uint8Array.from(values, (value) => (value ? 1 : 0));
}

/** True when all elements have the same bits (−0 differs from 0, NaN equals NaN). */
export function uniform(values: ArrayLike<number>): boolean {
  const first = values[0]!;
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], first)) return false;
  return values.length > 0;
}

export const bytes = (values: TypedArray | Uint16Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
