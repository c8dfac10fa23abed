import { mustBe } from '@mdiff/arguments';
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

/** The factor that brings gradients of this global norm down to a norm of at most `clip` (0 = off). */
const clipScale = (norm: number, clip: number): number => (clip > 0 && norm > clip ? clip / norm : 1);

/**
 * One AdamW step in place (arXiv 1711.05101, section 2) after clipping the gradients to the global norm `clip`
 * (0 = off). The gradients themselves stay as they are. A gradient that is not finite changes nothing.
 * On buffers from `allocate` it is several times as fast.
 */
export function adamwFlat(options: FlatState & AdamW & { readonly clip: number }): {
  gradNorm: number;
  finite: boolean;
} {
  mustBe('adamwFlat', 'options', options, 'object');
  const { params, grads, m, v, layout, lr, step, beta1, beta2, eps, weightDecay, clip } = options;
  const gradNorm = globalNorm(grads);
  if (!Number.isFinite(gradNorm)) return { gradNorm, finite: false };
  const scale = clipScale(gradNorm, clip);
  const rate = lr / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  const kernels = kernelsOf(params, grads, m, v);
  for (const { from, to, decay } of spans(layout)) {
    const scalars: StepScalars = {
      keep: decay ? 1 - lr * weightDecay : 1,
      beta1,
      fresh1: (1 - beta1) * scale,
      beta2,
      fresh2: (1 - beta2) * scale * scale,
      rate,
      root,
      eps,
    };
    const middle = kernels ? to - ((to - from) % 4) : from;
    const addresses = [params, grads, m, v].map(({ byteOffset }) => byteOffset + from * 4) as [p: number, g: number, m: number, v: number];
    kernels?.adamw(...addresses, (middle - from) * 4, ...SCALARS.map((name) => scalars[name]));
    update({ params, grads, m, v }, middle, to, scalars);
  }
  return { gradNorm, finite: true };
}

/** The scalars of a step, in the order in which the kernel takes them (simd.ts). */
const SCALARS = ['keep', 'beta1', 'fresh1', 'beta2', 'fresh2', 'rate', 'root', 'eps'] as const;
type StepScalars = Readonly<Record<(typeof SCALARS)[number], number>>;

interface Span {
  from: number;
  to: number;
  decay: boolean;
}

/** Neighbouring parameters with the same decay flag as one range [from, to). */
function spans({ params }: ParamLayout): Span[] {
  const ranges: Span[] = [];
  for (const { offset, size, decay } of params) {
    const last = ranges.at(-1);
    if (last?.decay === decay) last.to = offset + size;
    else ranges.push({ from: offset, to: offset + size, decay });
  }
  return ranges;
}

// Alone in its function, with nothing but numbers and typed arrays in local variables, so that V8 keeps them in registers.
function update(
  { params: p, grads: g, m, v }: Omit<FlatState, 'layout'>,
  from: number,
  to: number,
  { keep, beta1, fresh1, beta2, fresh2, rate, root, eps }: StepScalars,
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

/** ema ← d·ema + (1 − d)·params, in place, rounded once. With both from one `allocate` it is faster and gives the same bits. */
export function emaFlat(ema: Float32Array, params: Float32Array, decay: number): void {
  mustBe('emaFlat', 'ema', ema, 'object');
  mustBe('emaFlat', 'params', params, 'object');
  mustBe('emaFlat', 'decay', decay, 'number');
  const fresh = 1 - decay;
  const kernels = kernelsOf(ema, params);
  const end = kernels ? ema.length - (ema.length % 4) : 0;
  kernels?.average(ema.byteOffset, params.byteOffset, end * 4, decay, fresh);
  for (let i = end; i < ema.length; i++) ema[i] = decay * ema[i]! + fresh * params[i]!;
}
