import type { ModelConfig } from '@mdiff/config';
import type { ParamLayout } from '@mdiff/model';
import type { TrainState } from './state.js';
import type { Device, EngineName, Products } from './devices.js';
import { MdiffError } from '@mdiff/folder';
import type { NativeTensorFlow } from './tensorflow/locate.js';
import type { Phases } from './passes/phases.js';

// An engine runs the training step. It owns the weights, the moments and the gradient. The training loop sees batches, losses and, between
// steps, a copy of the state. `step` is `grads` for each batch, then `apply`. Ranks that share a step each call `grads` for their batches,
// add what `take` gives them, and `apply` the sum: their states stay equal (ranks/engine.ts).

/** One forward pass: the inputs of the traced graph (docs/architecture.md). The number of loss positions M may differ from batch to batch. */
export interface StepBatch {
  /** rows */
  B: number;
  /** positions in a row */
  S: number;
  ids: Int32Array;
  segments: Int32Array;
  positions: Int32Array;
  /** 1 = attention and convolution see the past only */
  causal: 0 | 1;
  /** loss positions: b·S + s */
  rows: Int32Array;
  targets: Int32Array;
  weights: Float32Array;
  /** the engine draws the masks of this pass from stream(seed, 'dropout', step, pass) */
  dropout?: { seed: number; step: number; pass: number; rate: number; attention: number };
}

export interface Update {
  lr: number;
  /** updates since the moments were last zero, counted from 1 (bias correction) */
  step: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** largest global gradient norm, 0 = off */
  clip: number;
  /** EMA decay of this step, 0 = off */
  ema: number;
  /** the step of the run, from 0: other ranks draw its batches themselves. Engines of one rank do not read it */
  at?: number;
}

export interface StepResult {
  /** Σ weights · CE over the step's batches, nats per token */
  loss: number;
  gradNorm: number;
  /** false: loss or gradient was not finite, and the engine changed nothing */
  finite: boolean;
}

export interface EngineOptions {
  model: ModelConfig;
  /** 0 = all cores */
  threads: number;
  labelSmoothing: number;
  /** the backward pass computes each block again instead of keeping its activations */
  checkpointing?: boolean;
  seed: number;
  /** operands of matrix products are rounded to bfloat16, if the engine can; weights, moments and sums stay float32 */
  mixedPrecision?: boolean;
  /** for `tfjs_node`: the library, from `locateTensorFlow` */
  tensorflow?: NativeTensorFlow;
  /** false: `tfjs_node` runs without its fused kernels */
  kernels?: boolean;
  /** what multiplies in `tfjs_node` on a processor; by default its kernels on AMX, else TensorFlow itself */
  products?: Products;
  /** `cpu` by default */
  device?: Device;
}

/** ONNX models of a model folder. */
export interface ExportedGraphs {
  /** the denoiser, with the weights inside */
  model: Uint8Array;
  /** the cached causal pass, whose weights are those in the file of `model` */
  causal?: Uint8Array;
  /** the pass over a stretch of a canvas with a cache of the rest, whose weights are those in the file of `model` */
  block?: Uint8Array;
  /** the denoiser with its matrices in 8 bits */
  quantized?: Uint8Array;
  /** the cached causal pass in 8 bits, whose weights are those in the file of `quantized` */
  quantizedCausal?: Uint8Array;
  /** the pass with a cache in 8 bits, whose weights are those in the file of `quantized` */
  quantizedBlock?: Uint8Array;
}

/** What a run asks of its engine, on one rank or on several. */
export interface StepEngine {
  readonly name: string;
  readonly threads: number;
  readonly layout: ParamLayout;
  /** ranks that share each step; absent: one */
  readonly ranks?: number;
  step(batches: readonly StepBatch[], update: Update): Promise<StepResult>;
  /** Cross-entropy at each loss position, nats, without dropout or smoothing; with the averaged weights if there are any. */
  evaluate(batch: StepBatch): Promise<Float32Array>;
  /** The same of as many batches as there are ranks, or fewer; each rank takes one. */
  evaluateAll?(batches: readonly StepBatch[]): Promise<Float32Array[]>;
  read(): Promise<TrainState>;
  load(state: TrainState): Promise<void>;
  /** Zeroes the Adam moments. */
  resetMoments(): Promise<void>;
  /** The denoiser as a portable ONNX model with the given weights, and its causal pass if it is wanted. */
  exportOnnx(params: Float32Array, causal: boolean): Promise<ExportedGraphs>;
  /** The time of each phase of the start-up so far, ms. The engine makes a graph when it is first needed. */
  startup(): Promise<Phases>;
  close(): Promise<void>;
}

/** An engine of one process. */
export interface Engine extends StepEngine {
  /** Adds the batch's gradient to the sum since the last update. */
  grads(batch: StepBatch): Promise<{ loss: number }>;
  /** A copy of that sum, flat like the weights; zeros before the first batch. */
  gradient(): Promise<Float32Array>;
  /** That sum, which the engine then drops. */
  take(): Promise<Float32Array>;
  /**
   * Updates with the sum, or with `gradient` instead, then drops the sum. `given`: the caller does not use the gradient again, so it moves to the engine's
   * thread without a copy. @throws MdiffError MDIFF_GRADIENT if the length is not the weights'
   */
  apply(update: Update, gradient?: Float32Array, given?: boolean): Promise<Omit<StepResult, 'loss'>>;
}

/** @throws MdiffError MDIFF_GRADIENT for a gradient that `apply` cannot take */
export function checkGradient({ length }: Float32Array, { total }: ParamLayout): void {
  if (length !== total)
    throw new MdiffError('MDIFF_GRADIENT', `gradient: expected ${total} numbers, one for each parameter, got ${length}`);
}

/** @throws MdiffError MDIFF_DAMAGED for a state that `load` cannot take */
export function checkState({ params: { length } }: TrainState, { total }: ParamLayout): void {
  if (length !== total) throw new MdiffError('MDIFF_DAMAGED', `checkpoint: expected ${total} parameters, got ${length}`);
}

interface StepCalls {
  grads(batch: StepBatch): Promise<{ loss: number }>;
  apply(): Promise<Omit<StepResult, 'loss'>>;
  /** drops the gradient of the batches so far */
  forget(): void;
}

/** A step as `grads` of each batch and one `apply`. After a loss that is not finite nothing is applied. */
export async function inSequence(batches: readonly StepBatch[], { grads, apply, forget }: StepCalls): Promise<StepResult> {
  let loss = 0;
  for (const batch of batches) loss += (await grads(batch)).loss;
  if (!Number.isFinite(loss)) {
    forget();
    return { loss, gradNorm: NaN, finite: false };
  }
  return { loss, ...(await apply()) };
}

export interface OpenResult {
  layout: ParamLayout;
}

/** Runs inside the engine's thread. The caller owns the buffers that `gradient`, `evaluate` and `read` return. */
export interface Core extends Omit<Engine, 'name' | 'threads' | 'ranks' | 'evaluateAll' | 'step' | 'exportOnnx' | 'startup' | 'close'> {
  step(argument: { batches: readonly StepBatch[]; update: Update }): Promise<StepResult>;
  /** Frees all that it holds, so that its thread can take another engine; absent where only the end of the thread does. */
  end?(): Promise<void>;
}

export interface WorkerOptions extends EngineOptions {
  engine: EngineName;
}
