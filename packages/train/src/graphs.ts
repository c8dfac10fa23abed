import * as tf from '@tensorflow/tfjs';
import { dropoutShapes, exportedForward, fast, lossAndGrads, rowLosses } from '@mdiff/model';
import type { Ops, ParamLayout } from '@mdiff/model';
import { optimize, toOnnx, trace } from '@mdiff/trace';
import type { Graph, InputSpec } from '@mdiff/trace';
import { stream } from '@mdiff/diffusion';
import type { ModelConfig } from '@mdiff/config';
import type { StepBatch } from './engine.js';
import { timed } from './phases.js';

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
  /** the network's pieces in training, where a runtime brings its own */
  ops?: Ops;
}

/** The function of a pass: training returns `loss` and `grad.{name}`, evaluation `ce`. */
export const passOf = (kind: Kind, { model, labelSmoothing, checkpointing = false, ops = fast }: StepOptions, layout: ParamLayout): ReturnType<typeof lossAndGrads> =>
  kind === 'train' ? lossAndGrads(model, layout, { labelSmoothing, checkpointing, ops }) : rowLosses(model, layout);

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

/**
 * Inverted dropout: 0 with probability p, else 1/(1−p). The distance from one dropped number to the next is geometric, so it is drawn instead of
 * a number for each: at p = 0.1 a tenth of the draws, and two to three times as fast.
 */
export function drawMask(size: number, p: number, seed: number, ...keys: (string | number)[]): Float32Array {
  const mask = new Float32Array(size).fill(1 / (1 - p));
  if (p === 0) return mask;
  const rng = stream(seed, 'dropout', ...keys);
  const scale = 1 / Math.log1p(-p);
  for (let i = -1; ; ) {
    i += 1 + Math.floor(Math.log1p(-rng.next()) * scale);
    if (i >= size) return mask;
    mask[i] = 0;
  }
}

const simplified = (...traced: Parameters<typeof trace>): Graph => {
  const graph = timed('trace', () => trace(...traced));
  return timed('optimize', () => optimize(graph));
};

/** The traced training or evaluation pass over [B, S]; parameters and masks are inputs, the number of evaluated rows stays open. */
export function passGraph(kind: Kind, options: StepOptions, layout: ParamLayout, B: number, S: number, masks: Record<string, readonly number[]>): Graph {
  const inputs: Record<string, InputSpec> = { ...batchInputs(B, S), ...paramInputs(layout) };
  for (const [name, shape] of Object.entries(masks)) inputs[name] = { shape: [...shape], dtype: 'float32' };
  if (kind === 'train' && options.checkpointing) inputs.zero = { shape: [], dtype: 'float32' };
  return simplified(passOf(kind, options, layout), { inputs });
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

/** The pass with every size of the batch open: one graph for all batches. */
export function openGraph(kind: Kind, options: StepOptions, layout: ParamLayout, dropout: boolean): Graph {
  const { n_heads, d_model, max_seq_len, dropout: rate, attention_dropout } = options.model;
  const inputs: Record<string, InputSpec> = { ...batchInputs('B', 'S'), ...paramInputs(layout) };
  for (let block = 0; dropout && block < options.model.n_layers; block++) {
    if (attention_dropout > 0) inputs[`attention_dropout.${block}`] = { shape: ['B', n_heads, 'S', 'S'], dtype: 'float32' };
    for (const part of rate > 0 ? ['attn', 'ff'] : []) inputs[`dropout.${block}.${part}`] = { shape: ['B', 'S', d_model], dtype: 'float32' };
  }
  if (kind === 'train' && options.checkpointing) inputs.zero = { shape: [], dtype: 'float32' };
  return simplified(passOf(kind, options, layout), { inputs, limits: { S: max_seq_len } });
}

/**
 * A training pass that adds its flat gradient to the variable `gradient` [total], or replaces it where the input `first` is 1, and returns
 * `loss`. Appended to the traced graph, so that the pass is traced once for all uses.
 */
export function flatGradients(pass: Graph, layout: ParamLayout): Graph {
  const total = [layout.total];
  const scale = { shape: [], dtype: 'float32' as const };
  const float = (shape: number[]) => ({ shape, dtype: 'float32' as const });
  const grads = new Map(pass.outputs.map(({ name, value }) => [name, value]));
  const nodes = [...pass.nodes];
  const values = { ...pass.values, first: scale, gradient: float(total), _none: scale, _flat: float(total), _old: float(total), _sum: float(total), _again: { shape: [], dtype: 'bool' as const } };
  const parts = layout.params.map(({ name, size }) => {
    const part = `_flat.${name}`;
    values[part as '_flat'] = float([size]);
    nodes.push({ kernel: 'Reshape', inputs: [grads.get(`grad.${name}`)!], outputs: [part], attrs: { shape: [size] } });
    return part;
  });
  nodes.push(
    { kernel: 'Concat', inputs: parts, outputs: ['_flat'], attrs: { axis: 0 } },
    // Selected, not multiplied: what an earlier step left may not be finite.
    { kernel: 'Fill', inputs: [], outputs: ['_none'], attrs: { shape: [], value: 0, dtype: 'float32' } },
    { kernel: 'Greater', inputs: ['first', '_none'], outputs: ['_again'], attrs: {} },
    { kernel: 'Select', inputs: ['_again', '_none', 'gradient'], outputs: ['_old'], attrs: {} },
    { kernel: 'Add', inputs: ['_old', '_flat'], outputs: ['_sum'], attrs: {} },
  );
  return {
    ...pass,
    inputs: [...pass.inputs, { name: 'first', ...scale }],
    variables: [...pass.variables, { name: 'gradient', ...float(total) }],
    values,
    nodes,
    outputs: pass.outputs.filter(({ name }) => name === 'loss'),
    updates: [...pass.updates, { variable: 'gradient', value: '_sum' }],
  };
}

/** A flat gradient [total] cut into `grad.{name}`: the variable `gradient`, or an input `given`. */
export function gradientsOf(layout: ParamLayout, source: 'gradient' | 'given'): Graph {
  const flat = { shape: [layout.total], dtype: 'float32' as const };
  const cut = optimize(
    trace(
      (from) => Object.fromEntries(layout.params.map(({ name, shape, offset, size }) => [`grad.${name}`, tf.slice(from[source]!, [offset], [size]).reshape([...shape])])),
      { inputs: { [source]: flat } },
    ),
  );
  return source === 'given' ? cut : { ...cut, inputs: [], variables: [{ name: source, ...flat }] };
}
