// Numbers in 16 bits. Both conversions from float32 round to the nearest value, ties to even; every 16-bit value is exact in float32.
import { mustBe } from '@mdiff/arguments';

/** Largest float32 that rounds to a finite float16: 65504 is the largest of these, and 65520 rounds to infinity. */
const HALF_MAX_BITS = 0x477fefff;
/** 2⁻¹⁴, the smallest normal float16. */
const HALF_NORMAL_BITS = 0x38800000;
const INFINITY_BITS = 0x7f800000;

const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, length) : new Uint32Array(buffer.slice(byteOffset, byteOffset + 4 * length));

function halfOf(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > INFINITY_BITS) return sign | 0x7e00;
  if (magnitude > HALF_MAX_BITS) return sign | 0x7c00;
  if (magnitude < HALF_NORMAL_BITS) {
    // A subnormal is a multiple of 2⁻²⁴; the product is exact in double precision.
    const scaled = Math.abs(value) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** IEEE 754 binary16. Magnitudes from 65520 on become infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  mustBe('toFloat16', 'values', values, 'object');
  const bits = bitsOf(values);
  return Uint16Array.from(bits, (one, i) => halfOf(one, values[i]!));
}

let table: Float32Array | undefined;
/** The value of each of the 65,536 float16 patterns. */
const halves = (): Float32Array =>
  (table ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const [exponent, fraction] = [(half >>> 10) & 31, half & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }));

export function fromFloat16(values: Uint16Array): Float32Array {
  mustBe('fromFloat16', 'values', values, 'object');
  const of = halves();
  return Float32Array.from(values, (half) => of[half]!);
}

/** The upper half of a float32: its range, with 8 bits of precision. */
export const toBfloat16 = (values: Float32Array): Uint16Array =>
  Uint16Array.from(bitsOf(values), (bits) =>
    (bits & 0x7fffffff) > INFINITY_BITS ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16,
  );

export function fromBfloat16(values: Uint16Array): Float32Array {
  const floats = new Float32Array(values.length);
  const bits = new Uint32Array(floats.buffer);
  values.forEach((half, i) => (bits[i] = half << 16));
  return floats;
}
