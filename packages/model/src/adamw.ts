import * as tf from '@tensorflow/tfjs';
import type { ParamLayout } from './layout.js';
import { kernelsOf } from './simd.js';

export interface AdamW {
  /** learning rate of this step */
  readonly lr: number;
  /** updates since the moments were zero, counted from 1 (bias correction) */
  readonly step: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** decoupled decay λ: p ← p(1 − lr·λ), only where the layout says `decay` */
  readonly weightDecay: number;
}

export interface FlatState {
  readonly params: Float32Array;
  readonly grads: Float32Array;
  /** first and second moments, the layout of the parameters */
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly layout: ParamLayout;
}

/** Euclidean norm of a flat buffer, summed in float64. */
export function globalNorm(flat: Float32Array): number {
  const kernels = kernelsOf(flat);
  const end = kernels ? flat.length - (flat.length % 4) : 0;
  const head = kernels ? kernels.squares(flat.byteOffset, end * 4) : 0;
  return Math.sqrt(head + squares(flat.subarray(end)));
}

function squares(flat: Float32Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const end = flat.length - (flat.length % 4);
  for (let i = 0; i < end; i += 4) {
    a += flat[i]! * flat[i]!;
    b += flat[i + 1]! * flat[i + 1]!;
    c += flat[i + 2]! * flat[i + 2]!;
    d += flat[i + 3]! * flat[i + 3]!;
  }
  for (let i = end; i < flat.length; i++) a += flat[i]! * flat[i]!;
  return a + b + c + d;
}

/** What multiplies gradients of this global norm so that it is at most `clip` (0 = off). */
export const clipScale = (norm: number, clip: number): number => (clip > 0 && norm > clip ? clip / norm : 1);

/**
 * One AdamW step in place (arXiv 1711.05101, algorithm 2) after clipping the gradients to the global norm `clip`
 * (0 = off). The gradients themselves are left as they are. A gradient that is not finite changes nothing.
 * Buffers from `allocate` are several times as fast.
 */
export function adamwFlat({ params, grads, m, v, layout, lr, step, beta1, beta2, eps, weightDecay, clip }: FlatState & AdamW & { readonly clip: number }): {
  gradNorm: number;
  finite: boolean;
} {
  const gradNorm = globalNorm(grads);
  if (!Number.isFinite(gradNorm)) return { gradNorm, finite: false };
  const scale = clipScale(gradNorm, clip);
  const rate = lr / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  const kernels = kernelsOf(params, grads, m, v);
  for (const [from, to, decay] of spans(layout)) {
    const scalars = [decay ? 1 - lr * weightDecay : 1, beta1, (1 - beta1) * scale, beta2, (1 - beta2) * scale * scale, rate, root, eps] as const;
    const middle = kernels ? to - ((to - from) % 4) : from;
    const [p, g, first, second] = [params, grads, m, v].map(({ byteOffset }) => byteOffset + from * 4) as [number, number, number, number];
    kernels?.adamw(p, g, first, second, (middle - from) * 4, ...scalars);
    update(params, grads, m, v, middle, to, ...scalars);
  }
  return { gradNorm, finite: true };
}

/** Neighbouring parameters with the same decay flag as one range [from, to). */
function spans({ params }: ParamLayout): [from: number, to: number, decay: boolean][] {
  const found: [number, number, boolean][] = [];
  for (const { offset, size, decay } of params) {
    const last = found.at(-1);
    if (last && last[2] === decay) last[1] = offset + size;
    else found.push([offset, offset + size, decay]);
  }
  return found;
}

// Alone in its function, with nothing but numbers and typed arrays, so that V8 keeps it in registers.
function update(
  p: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, from: number, to: number,
  keep: number, beta1: number, fresh1: number, beta2: number, fresh2: number, rate: number, root: number, eps: number,
): void {
  for (let i = from; i < to; i++) {
    const gradient = g[i]!;
    const first = beta1 * m[i]! + fresh1 * gradient;
    const second = beta2 * v[i]! + fresh2 * gradient * gradient;
    m[i] = first;
    v[i] = second;
    p[i] = keep * p[i]! - (rate * first) / (Math.sqrt(second) * root + eps);
  }
}

/** ema ← d·ema + (1 − d)·params, in place. */
export function emaFlat(ema: Float32Array, params: Float32Array, decay: number): void {
  const fresh = 1 - decay;
  for (let i = 0; i < ema.length; i++) ema[i] = decay * ema[i]! + fresh * params[i]!;
}

/** One parameter's state after a step. */
export interface Moments {
  readonly param: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/**
 * `adamwFlat` for one parameter in TensorFlow.js ops, without clipping. `rate` = lr/(1−β₁ˢ), `root` = 1/√(1−β₂ˢ) and
 * `keep` = 1 − lr·λ are scalars or scalar tensors, so that a traced step takes them as inputs (`adamwScalars`).
 */
export function adamw(state: Moments, grad: tf.Tensor, { rate, root, keep }: Record<'rate' | 'root' | 'keep', tf.Scalar | number>, { beta1, beta2, eps }: Pick<AdamW, 'beta1' | 'beta2' | 'eps'>): Moments {
  return tf.tidy(() => {
    const m = tf.add(tf.mul(state.m, beta1), tf.mul(grad, 1 - beta1));
    const v = tf.add(tf.mul(state.v, beta2), tf.mul(tf.mul(grad, grad), 1 - beta2));
    const step = tf.div(tf.mul(m, rate), tf.add(tf.mul(tf.sqrt(v), root), eps));
    return { param: tf.sub(tf.mul(state.param, keep), step), m, v };
  });
}

/** The numbers of one step that `adamw` takes. */
export function adamwScalars({ lr, step, beta1, beta2, weightDecay }: Omit<AdamW, 'eps'>, decay: boolean): Record<'rate' | 'root' | 'keep', number> {
  return { rate: lr / (1 - beta1 ** step), root: 1 / Math.sqrt(1 - beta2 ** step), keep: decay ? 1 - lr * weightDecay : 1 };
}

/** Scales all gradients together so that their global norm is at most `clip` > 0. */
export function clipByGlobalNorm(grads: readonly tf.Tensor[], clip: number): { grads: tf.Tensor[]; norm: tf.Scalar } {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.addN(grads.map((grad) => tf.sum(tf.mul(grad, grad))))) as tf.Scalar;
    const scale = tf.div(clip, tf.maximum(norm, clip));
    return { grads: grads.map((grad) => tf.mul(grad, scale)), norm };
  });
}

/** d·average + (1 − d)·param. */
export const ema = (average: tf.Tensor, param: tf.Tensor, decay: tf.Scalar | number): tf.Tensor =>
  tf.tidy(() => tf.add(tf.mul(average, decay), tf.mul(param, tf.sub(1, decay))));
