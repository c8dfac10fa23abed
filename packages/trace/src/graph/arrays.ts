import type { Dtype, TypedArray } from './graph.js';

export function arrayOf(dtype: Dtype, values: ArrayLike<number>): TypedArray {
  return dtype === 'float32'
    ? Float32Array.from(values)
    : dtype === 'int32'
      ? Int32Array.from(values)
      : Uint8Array.from(values, (value) => (value ? 1 : 0));
}

/** True when all elements have the same bits (−0 differs from 0; of float32, NaNs of other bits differ). */
export function uniform(values: ArrayLike<number>): boolean {
  // A trace asks this of every constant, some of a million numbers: the bits of float32 compare in a loop over integers.
  if (values instanceof Float32Array) return equal(new Int32Array(values.buffer, values.byteOffset, values.length));
  if (values instanceof Int32Array || values instanceof Uint8Array) return equal(values);
  const first = values[0]!;
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], first)) return false;
  return values.length > 0;
}

function equal(values: Int32Array | Uint8Array): boolean {
  const first = values[0];
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return false;
  return values.length > 0;
}

export const bytes = (values: TypedArray | Uint16Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
