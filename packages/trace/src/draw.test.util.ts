import type { HostTensor } from './harness.test.util.js';
import type { tf } from './tf.js';

/** A function to trace, with its inputs. */
export interface Case {
  inputs: HostTensor[];
  fn: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Also compare the gradients of the first output with respect to the float inputs. */
  gradient?: boolean;
}

/** Random shapes and tensors for one example; the seed comes from fast-check. */
export class Draw {
  constructor(private state: number) {}
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  shape(least: number, most: number): number[] {
    return Array.from({ length: this.int(least, most) }, () => this.int(1, 4));
  }
  float(shape: number[], low = -2, high = 2): HostTensor {
    return { shape, dtype: 'float32', data: Float32Array.from({ length: count(shape) }, () => low + this.next() * (high - low)) };
  }
  ints(shape: number[], low = -9, high = 9): HostTensor {
    return { shape, dtype: 'int32', data: Int32Array.from({ length: count(shape) }, () => this.int(low, high)) };
  }
  bools(shape: number[]): HostTensor {
    return { shape, dtype: 'bool', data: Uint8Array.from({ length: count(shape) }, () => this.int(0, 1)) };
  }
  /** Distinct values, so that the order of equals cannot matter. */
  distinct(shape: number[]): HostTensor {
    const values = Float32Array.from({ length: count(shape) }, (_, i) => i - count(shape) / 2);
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return { shape, dtype: 'float32', data: values };
  }
  /** Two shapes that broadcast against each other. */
  pair(): [number[], number[]] {
    const shape = this.shape(0, 4);
    const thin = shape.map((dim) => (this.int(0, 2) === 0 ? 1 : dim)).slice(this.int(0, shape.length));
    return this.int(0, 1) ? [shape, thin] : [thin, shape];
  }
  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }
  axes(rank: number): number[] {
    return Array.from({ length: rank }, (_, i) => i).filter(() => this.int(0, 1));
  }
}
const count = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
