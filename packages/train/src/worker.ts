import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { adamwFlat, allocate, dropoutShapes, emaFlat, exportedForward, initParams, layout as layoutOf, lossAndGrads, rowLosses } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { optimize, toOnnx, trace } from '@mdiff/trace';
import type { InputSpec } from '@mdiff/trace';
import { stream } from '@mdiff/diffusion';
import type { TrainState } from './checkpoint.js';
import type { EngineOptions, StepBatch, StepResult, Update } from './engine.js';
import { TrainError } from './errors.js';
import { Moved, serveWorker } from './rpc.js';

// The ONNX Runtime engine, inside its thread. The training graph is traced once per (rows, positions); the number of evaluated
// rows stays symbolic, so that the vocabulary projection is computed for masked positions only. Weights are fed as views of one flat
// buffer (onnxruntime-node does not copy inputs) and AdamW runs on that buffer: inside the graph it was slower (docs/log.md).

type Kind = 'train' | 'eval';

interface Compiled {
  session: ort.InferenceSession;
  /** dropout masks the graph takes, by input name */
  masks: Record<string, readonly number[]>;
}

let options: EngineOptions;
let layout: ParamLayout;
let state: TrainState;
/** Σ of the gradients since the last update, flat like the weights */
let gradient: Float32Array;
let accumulated = 0;
let params: Record<string, ort.Tensor>;
const compiled = new Map<string, Promise<Compiled>>();

const views = (flat: Float32Array): Record<string, ort.Tensor> =>
  Object.fromEntries(layout.params.map(({ name, shape, offset, size }) => [name, new ort.Tensor('float32', flat.subarray(offset, offset + size), shape)]));

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
  const inputs: Record<string, InputSpec> = { ...batchInputs(B, S), ...paramInputs() };
  for (const [name, shape] of Object.entries(masks)) inputs[name] = { shape: [...shape], dtype: 'float32' };
  const fn = kind === 'train' ? lossAndGrads(options.model, layout, { labelSmoothing: options.labelSmoothing }) : rowLosses(options.model, layout);
  const model = toOnnx(optimize(trace(fn, { inputs })), { contrib: true });
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // Threads that spin between operators fight with whatever else the machine does; idle ones cost nothing here (docs/log.md).
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return { session, masks };
}

function session(kind: Kind, B: number, S: number, dropout: boolean): Promise<Compiled> {
  const key = `${kind} ${B} ${S} ${dropout}`;
  let found = compiled.get(key);
  if (!found) compiled.set(key, (found = compile(kind, B, S, dropout)));
  return found;
}

function feedsOf(batch: StepBatch): Record<string, ort.Tensor> {
  const { B, S, rows } = batch;
  return {
    ids: new ort.Tensor('int32', batch.ids, [B, S]),
    segments: new ort.Tensor('int32', batch.segments, [B, S]),
    positions: new ort.Tensor('int32', batch.positions, [B, S]),
    causal: new ort.Tensor('float32', Float32Array.of(batch.causal), []),
    rows: new ort.Tensor('int32', rows, [rows.length]),
    targets: new ort.Tensor('int32', batch.targets, [rows.length]),
    weights: new ort.Tensor('float32', batch.weights, [rows.length]),
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

/** The evaluation graph takes no loss weights: feeds only what a graph has as inputs. */
const wanted = ({ session: { inputNames } }: Compiled, feeds: Record<string, ort.Tensor>): Record<string, ort.Tensor> =>
  Object.fromEntries(inputNames.map((name) => [name, feeds[name]!]));

async function grads(batch: StepBatch): Promise<{ loss: number }> {
  const { dropout } = batch;
  const graph = await session('train', batch.B, batch.S, dropout !== undefined);
  const feeds = { ...feedsOf(batch), ...params };
  if (dropout) {
    for (const [name, shape] of Object.entries(graph.masks)) {
      const rate = name.startsWith('attention') ? dropout.attention : dropout.rate;
      const size = shape.reduce((a, b) => a * b, 1);
      feeds[name] = new ort.Tensor('float32', drawMask(size, rate, dropout.seed, dropout.step, dropout.pass, name), shape);
    }
  }
  const outputs = await graph.session.run(wanted(graph, feeds));
  for (const { name, offset, size } of layout.params) {
    const output = outputs[`grad.${name}`];
    if (!output) continue; // a weight that the loss does not depend on
    const data = output.data as Float32Array;
    if (accumulated === 0) gradient.set(data, offset);
    else for (let i = 0; i < size; i++) gradient[offset + i] = gradient[offset + i]! + data[i]!;
  }
  accumulated++;
  return { loss: (outputs.loss!.data as Float32Array)[0]! };
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
  open: async (given: EngineOptions) => {
    // tfjs would otherwise print an advertisement for its Node backend; nothing here computes with tfjs, it only records.
    tf.enableProdMode();
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
    const graph = await session('eval', batch.B, batch.S, false);
    const weights = state.ema ? views(state.ema) : params;
    const { ce } = await graph.session.run(wanted(graph, { ...feedsOf(batch), ...weights }));
    const data = ce!.data as Float32Array;
    return new Moved(data, [data.buffer as ArrayBuffer]);
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
