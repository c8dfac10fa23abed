import { kernel } from './kernel.js';

/** Below this many numbers a loop is as fast as a call into native code. */
export const FEW = 64;

/** Numbers at exp(x − max), in the unit of the temperature. */
interface Weights {
  /** of all x; NaN is passed over */
  max: number;
  /** of the weights; NaN if an x is NaN or all are −∞ */
  sum: number;
}

/** Writes exp((x − max)/temperature) of every x to `out`. */
export function weigh(x: Float64Array, temperature: number, out: Float64Array): Weights {
  if (kernel === null || x.length < FEW) return weighInLoop(x, temperature, out);
  const places = x.length + (x.length & 1);
  const missing = 8 * places - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536));
  const shared = new Float64Array(kernel.memory.buffer, 0, places);
  shared.set(x);
  if (places > x.length) shared[x.length] = -Infinity;
  const max = kernel.largest(8 * places);
  const sum = kernel.exponentials(8 * places, max, 1 / temperature);
  out.set(shared.subarray(0, x.length));
  return { max, sum };
}

export function weighInLoop(x: Float64Array, temperature: number, out: Float64Array): Weights {
  let max = -Infinity;
  for (let i = 0; i < x.length; i++) if (x[i]! > max) max = x[i]!;
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += out[i] = Math.exp((x[i]! - max) / temperature);
  return { max, sum };
}
