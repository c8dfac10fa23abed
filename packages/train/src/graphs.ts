import { dropoutShapes, exportedForward, lossAndGrads, rowLosses } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { optimize, toOnnx, trace } from '@mdiff/trace';
import type { Graph, InputSpec } from '@mdiff/trace';
import { stream } from '@mdiff/diffusion';
import type { ModelConfig } from '@mdiff/config';
import type { StepBatch } from './engine.js';

// What the engines have in common: the functions they run, their inputs, and the graphs of these functions.

export type Kind = 'train' | 'eval';

export interface HostArray {
  type: 'float32' | 'int32';
  data: Float32Array | Int32Array;
  shape: readonly number[];
}

export type Feeds = Record<string, HostArray>;

export interface StepOptions {
  model: ModelConfig;
  labelSmoothing: number;
  checkpointing?: boolean;
}

/** The function of a pass: training returns `loss` and `grad.{name}`, evaluation `ce`. */
export const passOf = (kind: Kind, { model, labelSmoothing, checkpointing = false }: StepOptions, layout: ParamLayout): ReturnType<typeof lossAndGrads> =>
  kind === 'train' ? lossAndGrads(model, layout, { labelSmoothing, checkpointing }) : rowLosses(model, layout);

/** Shapes of the dropout masks of a pass, by input name; none without dropout. */
export const masksOf = (model: ModelConfig, B: number, S: number, dropout: boolean): Record<string, readonly number[]> =>
  dropout ? dropoutShapes(model, B, S) : {};

/** Batch inputs of a pass over [B, S]; a string names a size that stays open. */
export function batchInputs(B: number | string, S: number | string): Record<string, InputSpec> {
  const int = (...shape: (number | string)[]): InputSpec => ({ shape, dtype: 'int32' });
  return {
    ids: int(B, S),
    segments: int(B, S),
    positions: int(B, S),
    causal: { shape: [], dtype: 'float32' },
    rows: int('rows'),
    targets: int('rows'),
    weights: { shape: ['rows'], dtype: 'float32' },
  };
}

export const paramInputs = (layout: ParamLayout): Record<string, InputSpec> =>
  Object.fromEntries(layout.params.map(({ name, shape }) => [name, { shape: [...shape], dtype: 'float32' }]));

/** The batch as named arrays. */
export function feedsOf(batch: StepBatch): Feeds {
  const { B, S, rows } = batch;
  return {
    ids: { type: 'int32', data: batch.ids, shape: [B, S] },
    segments: { type: 'int32', data: batch.segments, shape: [B, S] },
    positions: { type: 'int32', data: batch.positions, shape: [B, S] },
    causal: { type: 'float32', data: Float32Array.of(batch.causal), shape: [] },
    rows: { type: 'int32', data: rows, shape: [rows.length] },
    targets: { type: 'int32', data: batch.targets, shape: [rows.length] },
    weights: { type: 'float32', data: batch.weights, shape: [rows.length] },
    // Read where blocks are recomputed: the number that no optimiser may know.
    zero: { type: 'float32', data: new Float32Array(1), shape: [] },
  };
}

/** The dropout masks of a pass, drawn from its seed, step and number: the same for every engine. */
export function maskFeeds({ dropout }: StepBatch, shapes: Record<string, readonly number[]>): Feeds {
  if (!dropout) return {};
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const rate = name.startsWith('attention') ? dropout.attention : dropout.rate;
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { type: 'float32', data: drawMask(size, rate, dropout.seed, dropout.step, dropout.pass, name), shape }];
    }),
  );
}

/** Inverted dropout: 0 with probability p, else 1/(1−p). */
function drawMask(size: number, p: number, seed: number, ...keys: (string | number)[]): Float32Array {
  const rng = stream(seed, 'dropout', ...keys);
  const mask = new Float32Array(size);
  const kept = 1 / (1 - p);
  for (let i = 0; i < size; i++) mask[i] = rng.next() < p ? 0 : kept;
  return mask;
}

/** The traced training or evaluation pass over [B, S]; parameters and masks are inputs, the number of evaluated rows stays open. */
export function passGraph(kind: Kind, options: StepOptions, layout: ParamLayout, B: number, S: number, masks: Record<string, readonly number[]>): Graph {
  const inputs: Record<string, InputSpec> = { ...batchInputs(B, S), ...paramInputs(layout) };
  for (const [name, shape] of Object.entries(masks)) inputs[name] = { shape: [...shape], dtype: 'float32' };
  if (kind === 'train' && options.checkpointing) inputs.zero = { shape: [], dtype: 'float32' };
  return optimize(trace(passOf(kind, options, layout), { inputs }));
}

/** The denoiser as a portable ONNX model with the given weights inside. */
export function exportedOnnx(model: ModelConfig, layout: ParamLayout, flat: Float32Array): Uint8Array {
  const inputs: Record<string, InputSpec> = {
    input_ids: { shape: ['batch', 'length'], dtype: 'int32' },
    attention_mask: { shape: ['batch', 'length'], dtype: 'int32' },
    rows: { shape: ['rows'], dtype: 'int32' },
    ...paramInputs(layout),
  };
  const graph = optimize(trace(exportedForward(model), { inputs, limits: { length: model.max_seq_len } }));
  const initializers = Object.fromEntries(layout.params.map(({ name, offset, size }) => [name, flat.subarray(offset, offset + size)]));
  return toOnnx(graph, { initializers, name: 'mdiff' });
}
