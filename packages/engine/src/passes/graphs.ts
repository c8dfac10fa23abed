import { tf } from '@mdiff/model';
import { blockForward, cacheShape, cachedForward, dropoutShapes, exportedForward, fast, lossAndGrads, positionLosses } from '@mdiff/model';
import type { Ops, ParamLayout } from '@mdiff/model';
import { optimize, storedTensors, toOnnx, trace } from '@mdiff/trace';
import type { Graph, InputSpec, OnnxOptions } from '@mdiff/trace';
import type { ModelConfig } from '@mdiff/config';
import { FILES, toFloat16 } from '@mdiff/folder';
import type { Kind } from './feeds.js';
import { remembered } from './memo.js';
import { timed } from './phases.js';
import type { ExportedGraphs } from '../engine.js';

// The functions that every engine runs, and their traced graphs.

export interface StepOptions {
  model: ModelConfig;
  labelSmoothing: number;
  checkpointing?: boolean;
  /** pieces of the network that a runtime has as its own operations, for training */
  ops?: Ops;
}

/** The function of a pass. Training returns `loss` and `grad.{name}`, evaluation `ce`. */
export const passOf = (
  kind: Kind,
  { model, labelSmoothing, checkpointing = false, ops = fast }: StepOptions,
  layout: ParamLayout,
): ReturnType<typeof lossAndGrads> =>
  kind === 'train' ? lossAndGrads(model, layout, { labelSmoothing, checkpointing, ops }) : positionLosses(model, layout);

/** Shapes of the dropout masks of a pass, by input name; none without dropout. */
export const masksOf = (model: ModelConfig, B: number, S: number, dropout: boolean): Record<string, readonly number[]> =>
  dropout ? dropoutShapes(model, B, S) : {};

/** Batch inputs of a pass over [B, S]; a string names an open size. */
function batchInputs(B: number | string, S: number | string): Record<string, InputSpec> {
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

const paramInputs = (layout: ParamLayout): Record<string, InputSpec> =>
  Object.fromEntries(layout.params.map(({ name, shape }) => [name, { shape: [...shape], dtype: 'float32' }]));

/** Parity tests compare these passes with TensorFlow.js, so a training run need not verify them again. */
const simplified = (fn: Parameters<typeof trace>[0], options: Parameters<typeof trace>[1]): Graph => {
  const graph = timed('trace', () => trace(fn, { ...options, verify: false }));
  return timed('optimize', () => optimize(graph, { reorder: true }));
};

/** A pass over batches of B rows and S positions, with dropout masks of these shapes. */
export interface PassShape {
  kind: Kind;
  B: number;
  S: number;
  masks: Readonly<Record<string, readonly number[]>>;
}

/** Passes of one network with equal keys are the same. */
export const passKey = ({ kind, B, S, masks }: PassShape): string => `${kind} ${B} ${S} ${Object.keys(masks).length > 0}`;

/** The traced pass; parameters and masks are inputs, and the number of loss positions stays open. */
export function passGraph({ kind, B, S, masks }: PassShape, options: StepOptions, layout: ParamLayout): Graph {
  const inputs: Record<string, InputSpec> = { ...batchInputs(B, S), ...paramInputs(layout) };
  for (const [name, shape] of Object.entries(masks)) inputs[name] = { shape: [...shape], dtype: 'float32' };
  if (kind === 'train' && options.checkpointing) inputs.zero = { shape: [], dtype: 'float32' };
  return simplified(passOf(kind, options, layout), { inputs });
}

export interface ExportOptions {
  /** the weights take 16 bits each, and are rounded */
  half?: boolean;
  /** with the pass that reads a cache of what stands around a stretch */
  block?: boolean;
  /** with the causal pass */
  causal?: boolean;
  /** with a denoiser, and the other passes that are wanted, whose matrices are stored and multiplied in 8 bits */
  int8?: boolean;
}

// They depend on the model alone. A graph without weights is small.
const [denoisers, causals] = [remembered<Graph>(2), remembered<Graph>(2)];

/** The denoiser as a portable ONNX model with the given weights, and its causal pass if it is wanted. */
export function exportedOnnx(
  model: ModelConfig,
  layout: ParamLayout,
  flat: Float32Array,
  { half = false, block = false, causal = false, int8 = false }: ExportOptions = {},
): ExportedGraphs {
  const weights = layout.params.map(({ name, offset, size }) => [name, flat.subarray(offset, offset + size)] as const);
  const options = {
    ...(half
      ? { half: Object.fromEntries(weights.map(([name, values]) => [name, toFloat16(values)])) }
      : { initializers: Object.fromEntries(weights) }),
    name: 'mdiff',
    checkIds: false,
  };
  const key = JSON.stringify(model);
  const graph = denoisers(key, () => denoiserGraph(model, layout));
  const denoiser = toOnnx(graph, options);
  const stored = storedTensors(denoiser, fileName(FILES.graph));
  const causalPass = causal ? causals(key, () => causalGraph(model, layout)) : undefined;
  const blockPass = block ? blockGraph(model, layout) : undefined;
  return {
    model: denoiser,
    ...(causalPass && { causal: toOnnx(causalPass, { ...options, stored }) }),
    ...(blockPass && { block: toOnnx(blockPass, { ...options, stored }) }),
    ...(int8 &&
      inInt8({ graph, causalPass, blockPass }, { initializers: Object.fromEntries(weights), int8: matricesOf(layout), name: 'mdiff' })),
  };
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The denoiser in 8 bits, and the other passes with the same weights. */
function inInt8(
  { graph, causalPass, blockPass }: { graph: Graph; causalPass: Graph | undefined; blockPass: Graph | undefined },
  options: OnnxOptions,
): Pick<ExportedGraphs, 'quantized' | 'quantizedCausal' | 'quantizedBlock'> {
  const quantized = toOnnx(graph, options);
  const stored = storedTensors(quantized, fileName(FILES.quantized));
  const others = { ...options, stored, checkIds: false };
  return {
    quantized,
    ...(causalPass && { quantizedCausal: toOnnx(causalPass, others) }),
    ...(blockPass && { quantizedBlock: toOnnx(blockPass, others) }),
  };
}

/** The weights that are multiplied by, and the embedding, which often is: all but one in a hundred. Convolutions and norms stay as they are. */
const matricesOf = (layout: ParamLayout): ReadonlySet<string> =>
  new Set(
    layout.params.map(({ name }) => name).filter((name) => /^(embedding|head)\.weight$|\.(q|k|v|o|gate|up|down)\.weight$/.test(name)),
  );

function denoiserGraph(model: ModelConfig, layout: ParamLayout): Graph {
  const inputs: Record<string, InputSpec> = {
    input_ids: { shape: ['batch', 'length'], dtype: 'int32' },
    attention_mask: { shape: ['batch', 'length'], dtype: 'int32' },
    rows: { shape: ['rows'], dtype: 'int32' },
    ...paramInputs(layout),
  };
  return optimize(trace(exportedForward(model), { inputs, limits: { length: model.max_seq_len }, verify: false }), { reorder: true });
}

function causalGraph(model: ModelConfig, layout: ParamLayout): Graph {
  const { n_heads, d_model } = model;
  const { attention, convolutions, reach } = cacheShape(model);
  const past = (names: readonly string[], ...shape: InputSpec['shape']): Record<string, InputSpec> =>
    Object.fromEntries(names.map((name) => [`past.${name}`, { shape: ['batch', ...shape], dtype: 'float32' }]));
  const inputs: Record<string, InputSpec> = {
    input_ids: { shape: ['batch', 'length'], dtype: 'int32' },
    position: { shape: ['batch'], dtype: 'int32' },
    rows: { shape: ['rows'], dtype: 'int32' },
    ...past(attention, n_heads, 'places', d_model / n_heads),
    ...past(convolutions, reach, d_model),
    ...paramInputs(layout),
  };
  return optimize(trace(cachedForward(model), { inputs, verify: false }), { reorder: true });
}

function blockGraph(model: ModelConfig, layout: ParamLayout): Graph {
  const { n_heads, d_model } = model;
  const { attention, convolutions, reach } = cacheShape(model);
  const cache = (side: string, names: readonly string[], ...shape: InputSpec['shape']): Record<string, InputSpec> =>
    Object.fromEntries(names.map((name) => [`${side}.${name}`, { shape: ['batch', ...shape], dtype: 'float32' }]));
  const inputs: Record<string, InputSpec> = {
    input_ids: { shape: ['batch', 'length'], dtype: 'int32' },
    attention_mask: { shape: ['batch', 'length'], dtype: 'int32' },
    position: { shape: ['batch'], dtype: 'int32' },
    unread: { shape: ['batch', 'places'], dtype: 'float32' },
    rows: { shape: ['rows'], dtype: 'int32' },
    ...cache('past', attention, n_heads, 'places', d_model / n_heads),
    ...cache('left', convolutions, reach, d_model),
    ...cache('right', convolutions, reach, d_model),
    ...paramInputs(layout),
  };
  return optimize(trace(blockForward(model), { inputs, verify: false }), { reorder: true });
}

/** The pass with open sizes B, S and M: one graph for all batches. */
export function openGraph(kind: Kind, options: StepOptions, layout: ParamLayout, dropout: boolean): Graph {
  const { n_heads, d_model, max_seq_len, dropout: rate, attention_dropout } = options.model;
  const inputs: Record<string, InputSpec> = { ...batchInputs('B', 'S'), ...paramInputs(layout) };
  for (let block = 0; dropout && block < options.model.n_layers; block++) {
    if (attention_dropout > 0) inputs[`attention_dropout.${block}`] = { shape: ['B', n_heads, 'S', 'S'], dtype: 'float32' };
    for (const part of rate > 0 ? ['attn', 'ff'] : [])
      inputs[`dropout.${block}.${part}`] = { shape: ['B', 'S', d_model], dtype: 'float32' };
  }
  if (kind === 'train' && options.checkpointing) inputs.zero = { shape: [], dtype: 'float32' };
  return simplified(passOf(kind, options, layout), { inputs, limits: { S: max_seq_len } });
}

/**
 * A training pass that adds its flat gradient to the variable `gradient` [total] and returns `loss`. If the input `first` is 1, it replaces the
 * variable instead. It extends the traced graph, so that the pass is traced once for all uses.
 */
export function flatGradients(pass: Graph, layout: ParamLayout): Graph {
  const total = [layout.total];
  const scale = { shape: [], dtype: 'float32' as const };
  const float = (shape: number[]) => ({ shape, dtype: 'float32' as const });
  const grads = new Map(pass.outputs.map(({ name, value }) => [name, value]));
  const nodes = [...pass.nodes];
  const values = {
    ...pass.values,
    first: scale,
    gradient: float(total),
    _none: scale,
    _flat: float(total),
    _old: float(total),
    _sum: float(total),
    _again: { shape: [], dtype: 'bool' as const },
  };
  const parts = layout.params.map(({ name, size }) => {
    const part = `_flat.${name}`;
    values[part as '_flat'] = float([size]);
    nodes.push({ kernel: 'Reshape', inputs: [grads.get(`grad.${name}`)!], outputs: [part], attrs: { shape: [size] } });
    return part;
  });
  nodes.push(
    { kernel: 'Concat', inputs: parts, outputs: ['_flat'], attrs: { axis: 0 } },
    // Select and not Mul: an earlier step may have left numbers that are not finite.
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

/** Cuts a flat gradient [total] into `grad.{name}`. It comes from the variable `gradient`, or from an input `given`. */
export function gradientsOf(layout: ParamLayout, source: 'gradient' | 'given'): Graph {
  const flat = { shape: [layout.total], dtype: 'float32' as const };
  const cut = optimize(
    trace(
      (from) =>
        Object.fromEntries(
          layout.params.map(({ name, shape, offset, size }) => [
            `grad.${name}`,
            tf.slice(from[source]!, [offset], [size]).reshape([...shape]),
          ]),
        ),
      { inputs: { [source]: flat }, verify: false },
    ),
  );
  return source === 'given' ? cut : { ...cut, inputs: [], variables: [{ name: source, ...flat }] };
}
