import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { adamwFlat, allocate, dropoutShapes, emaFlat, exportedForward, initParams, layout as layoutOf, lossAndGrads, rowLosses } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { optimize, toOnnx, trace } from '@mdiff/trace';
import type { InputSpec } from '@mdiff/trace';
import { stream } from '@mdiff/diffusion';
import type { TrainState } from './checkpoint.js';
import type { StepBatch, StepResult, Update, WorkerOptions } from './engine.js';
import { TrainError } from './errors.js';
import { Moved, serveWorker } from './rpc.js';

// The engines, inside their thread. For ONNX Runtime the training graph is traced once per (rows, positions); the number of evaluated
// rows stays symbolic, so that the vocabulary projection is computed for masked positions only. Weights are fed as views of one flat
// buffer (onnxruntime-node does not copy inputs) and AdamW runs on that buffer: inside the graph it was slower (docs/log.md).

type Kind = 'train' | 'eval';

interface HostArray {
  type: 'float32' | 'int32';
  data: Float32Array | Int32Array;
  shape: readonly number[];
}

/** A compiled graph: arrays in by input name, arrays out by output name. */
interface Compiled {
  run(feeds: Record<string, HostArray>): Promise<Record<string, Float32Array>>;
  /** dropout masks the graph takes, by input name */
  masks: Record<string, readonly number[]>;
}

let options: WorkerOptions;
let layout: ParamLayout;
let state: TrainState;
/** Σ of the gradients since the last update, flat like the weights */
let gradient: Float32Array;
let accumulated = 0;
let params: Record<string, HostArray>;
const compiled = new Map<string, Promise<Compiled>>();

const views = (flat: Float32Array): Record<string, HostArray> =>
  Object.fromEntries(layout.params.map(({ name, shape, offset, size }) => [name, { type: 'float32', data: flat.subarray(offset, offset + size), shape }]));

function batchInputs(B: number, S: number): Record<string, InputSpec> {
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

const paramInputs = (): Record<string, InputSpec> =>
  Object.fromEntries(layout.params.map(({ name, shape }) => [name, { shape: [...shape], dtype: 'float32' }]));

async function compile(kind: Kind, B: number, S: number, dropout: boolean): Promise<Compiled> {
  const masks = dropout ? dropoutShapes(options.model, B, S) : {};
  const fn = kind === 'train' ? lossAndGrads(options.model, layout, { labelSmoothing: options.labelSmoothing }) : rowLosses(options.model, layout);
  if (options.engine === 'tfjs') return { run: eager(fn), masks };
  const inputs: Record<string, InputSpec> = { ...batchInputs(B, S), ...paramInputs() };
  for (const [name, shape] of Object.entries(masks)) inputs[name] = { shape: [...shape], dtype: 'float32' };
  return { run: await onnx(toOnnx(optimize(trace(fn, { inputs })), { contrib: true })), masks };
}

/** The reference: the same functions, computed by tfjs-cpu as they stand. */
function eager(fn: (inputs: Record<string, tf.Tensor>) => Record<string, tf.Tensor>): Compiled['run'] {
  return (feeds) =>
    Promise.resolve(
      tf.tidy(() => {
        const outputs = fn(Object.fromEntries(Object.entries(feeds).map(([name, { type, data, shape }]) => [name, tf.tensor(data, [...shape], type)])));
        return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync() as Float32Array]));
      }),
    );
}

async function onnx(model: Uint8Array): Promise<Compiled['run']> {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // Threads that spin between operators fight with whatever else the machine does; idle ones cost nothing here (docs/log.md).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return async (feeds) => {
    // The evaluation graph takes no loss weights: only what a graph has as inputs is fed.
    const outputs = await session.run(
      Object.fromEntries(session.inputNames.map((name) => [name, new ort.Tensor(feeds[name]!.type, feeds[name]!.data, feeds[name]!.shape)])),
    );
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  };
}

function compiledFor(kind: Kind, B: number, S: number, dropout: boolean): Promise<Compiled> {
  const key = `${kind} ${B} ${S} ${dropout}`;
  let found = compiled.get(key);
  if (!found) compiled.set(key, (found = compile(kind, B, S, dropout)));
  return found;
}

function feedsOf(batch: StepBatch): Record<string, HostArray> {
  const { B, S, rows } = batch;
  return {
    ids: { type: 'int32', data: batch.ids, shape: [B, S] },
    segments: { type: 'int32', data: batch.segments, shape: [B, S] },
    positions: { type: 'int32', data: batch.positions, shape: [B, S] },
    causal: { type: 'float32', data: Float32Array.of(batch.causal), shape: [] },
    rows: { type: 'int32', data: rows, shape: [rows.length] },
    targets: { type: 'int32', data: batch.targets, shape: [rows.length] },
    weights: { type: 'float32', data: batch.weights, shape: [rows.length] },
  };
}

/** Inverted dropout: 0 with probability p, else 1/(1−p). */
function drawMask(size: number, p: number, seed: number, ...keys: (string | number)[]): Float32Array {
  const rng = stream(seed, 'dropout', ...keys);
  const mask = new Float32Array(size);
  const kept = 1 / (1 - p);
  for (let i = 0; i < size; i++) mask[i] = rng.next() < p ? 0 : kept;
  return mask;
}

async function grads(batch: StepBatch): Promise<{ loss: number }> {
  const { dropout } = batch;
  const graph = await compiledFor('train', batch.B, batch.S, dropout !== undefined);
  const feeds = { ...feedsOf(batch), ...params };
  if (dropout) {
    for (const [name, shape] of Object.entries(graph.masks)) {
      const rate = name.startsWith('attention') ? dropout.attention : dropout.rate;
      const size = shape.reduce((a, b) => a * b, 1);
      feeds[name] = { type: 'float32', data: drawMask(size, rate, dropout.seed, dropout.step, dropout.pass, name), shape };
    }
  }
  const outputs = await graph.run(feeds);
  for (const { name, offset, size } of layout.params) {
    const data = outputs[`grad.${name}`]!;
    if (accumulated === 0) gradient.set(data, offset);
    else for (let i = 0; i < size; i++) gradient[offset + i] = gradient[offset + i]! + data[i]!;
  }
  accumulated++;
  return { loss: outputs.loss![0]! };
}

function apply({ ema, ...update }: Update): Omit<StepResult, 'loss'> {
  accumulated = 0;
  if (ema > 0) state.ema ??= state.params.slice(); // the average starts from the weights before the first update
  const { gradNorm, finite } = adamwFlat({ ...state, grads: gradient, layout, ...update });
  if (finite && ema > 0) emaFlat(state.ema!, state.params, ema);
  return { gradNorm, finite };
}

async function step({ batches, update }: { batches: readonly StepBatch[]; update: Update }): Promise<StepResult> {
  let loss = 0;
  for (const batch of batches) loss += (await grads(batch)).loss;
  if (!Number.isFinite(loss)) {
    accumulated = 0;
    return { loss, gradNorm: NaN, finite: false };
  }
  return { loss, ...apply(update) };
}

serveWorker({
  open: async (given: WorkerOptions) => {
    // tfjs would otherwise print an advertisement for its Node backend; and mostly only records here.
    tf.enableProdMode();
    await tf.setBackend('cpu');
    options = given;
    layout = layoutOf(given.model);
    const { grads: flat, ...buffers } = allocate(layout.total);
    gradient = flat;
    state = buffers;
    state.params.set(initParams(given.model, given.seed));
    params = views(state.params);
    return { layout };
  },
  grads,
  apply,
  step,
  evaluate: async (batch: StepBatch) => {
    const graph = await compiledFor('eval', batch.B, batch.S, false);
    const weights = state.ema ? views(state.ema) : params;
    const { ce } = await graph.run({ ...feedsOf(batch), ...weights });
    return new Moved(ce!, [ce!.buffer as ArrayBuffer]);
  },
  read: () => {
    const copy: TrainState = { params: state.params.slice(), m: state.m.slice(), v: state.v.slice(), ...(state.ema && { ema: state.ema.slice() }) };
    return new Moved(copy, Object.values(copy).map(({ buffer }) => buffer as ArrayBuffer));
  },
  load: (given: TrainState) => {
    if (given.params.length !== layout.total) {
      throw new TrainError('MDIFF_DAMAGED', `checkpoint: expected ${layout.total} parameters, got ${given.params.length}`);
    }
    // Copied, not kept: AdamW is four times as fast on the buffers it allocated itself.
    for (const name of ['params', 'm', 'v'] as const) state[name].set(given[name]);
    if (given.ema) state.ema = given.ema;
    else delete state.ema;
    accumulated = 0;
  },
  resetMoments: () => {
    state.m.fill(0);
    state.v.fill(0);
  },
  exportOnnx: (flat: Float32Array) => {
    const inputs: Record<string, InputSpec> = {
      input_ids: { shape: ['batch', 'length'], dtype: 'int32' },
      attention_mask: { shape: ['batch', 'length'], dtype: 'int32' },
      rows: { shape: ['rows'], dtype: 'int32' },
      ...paramInputs(),
    };
    const graph = optimize(trace(exportedForward(options.model), { inputs, limits: { length: options.model.max_seq_len } }));
    const initializers = Object.fromEntries(layout.params.map(({ name, offset, size }) => [name, flat.subarray(offset, offset + size)]));
    const model = toOnnx(graph, { initializers, name: 'mdiff' });
    return new Moved(model, [model.buffer as ArrayBuffer]);
  },
});
