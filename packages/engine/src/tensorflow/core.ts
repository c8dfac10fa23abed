import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { initParams, layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { ofPart, replicate, toSavedModel } from '@mdiff/trace';
import type { Graph, SavedModelSignature } from '@mdiff/trace';
import type { TrainState } from '../state.js';
import { checkGradient } from '../engine.js';
import type { Core, StepBatch, StepResult, Update, WorkerOptions } from '../engine.js';
import { MdiffError } from '@mdiff/folder';
import { feedsOf, maskFeeds, rowsOf } from '../passes/feeds.js';
import type { Feeds, HostArray } from '../passes/feeds.js';
import { flatGradients, gradientsOf, masksOf, openGraph } from '../passes/graphs.js';
import { adamw } from './adamw.js';
import { fusedOps, openKernels } from './fused.js';
import { loadTensorFlow, usesGpu } from './load.js';
import type { TfjsNode } from './load.js';
import { timed } from '../passes/phases.js';
import { inOrder, partsFor, splitBatch } from '../parts.js';
import type { Part } from '../parts.js';

// Native TensorFlow runs the same traced step as one SavedModel: weights, moments, average and the gradient accumulator are its resource
// variables and stay there. Rows, positions and evaluated rows are all open sizes, so that one graph serves every batch.

type Slot = 'params' | 'm' | 'v' | 'ema';

const inSlot = (slot: Slot, name: string): string => (slot === 'params' ? name : `${slot}/${name}`);

/**
 * Evaluated rows are filled up to a multiple of this part of all positions with rows of weight 0: oneDNN makes new code for every size
 * of a matrix product, and a step's number of masked rows is hardly ever the same twice.
 */
const ROW_STEPS = 32;

export function budget(rows: number, positions: number): number {
  const unit = Math.max(8, Math.ceil(positions / ROW_STEPS));
  return Math.ceil(rows / unit) * unit;
}

/** The batch with filler rows: position 0, any target, weight 0. */
export function filled(batch: StepBatch): StepBatch {
  const size = budget(batch.rows.length, batch.B * batch.S);
  if (size === batch.rows.length) return batch;
  const grown = <T extends Int32Array | Float32Array>(array: T, filler: number): T => {
    const out = new (array.constructor as new (length: number) => T)(size).fill(filler) as T;
    out.set(array);
    return out;
  };
  return { ...batch, rows: grown(batch.rows, 0), targets: grown(batch.targets, batch.targets[0] ?? 1), weights: grown(batch.weights, 0) };
}

interface Model {
  run(signature: string, feeds: Feeds): Record<string, Float32Array>;
  close(): void;
}

/** tfjs is left recording and folding on its own backend; native TensorFlow is current only while it runs. */
function natively<T>(fn: () => T): T {
  const before = tf.getBackend();
  void tf.setBackend('tensorflow');
  try {
    return fn();
  } finally {
    void tf.setBackend(before);
  }
}

async function load(native: TfjsNode, bytes: Uint8Array, signatures: readonly string[]): Promise<Model> {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-tensorflow-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    // They share one session, and so the variables. tfjs-node loads only while it is the current backend.
    void tf.setBackend('tensorflow');
    const models = new Map<string, Awaited<ReturnType<TfjsNode['node']['loadSavedModel']>>>();
    for (const name of signatures) models.set(name, await timed('load', () => native.node.loadSavedModel(folder, ['serve'], name)));
    return {
      run: (signature, feeds) =>
        natively(() => {
          const values: Record<string, Float32Array> = {};
          // Nothing is returned from tidy: it would look for tensors among the numbers, one by one, and give up at 16 million.
          tf.tidy(() => {
            const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { type, data, shape }]) => [name, tf.tensor(data, [...shape], type)]));
            const outputs = models.get(signature)!.predict(inputs) as Record<string, tf.Tensor>;
            for (const [name, tensor] of Object.entries(outputs)) values[name] = tensor.dataSync() as Float32Array;
          });
          return values;
        }),
      close: () => models.forEach((model) => model.dispose()),
    };
  } finally {
    void tf.setBackend('cpu');
    rmSync(folder, { recursive: true, force: true });
  }
}

const scalar = (value: number): HostArray => ({ type: 'float32', data: Float32Array.of(value), shape: [] });

const adamFeeds = ({ lr, step, beta1, beta2, eps, weightDecay, clip, ema }: Update): Feeds => ({
  'adam.clip': scalar(clip),
  'adam.rate': scalar(lr / (1 - beta1 ** step)),
  'adam.root': scalar(1 / Math.sqrt(1 - beta2 ** step)),
  'adam.eps': scalar(eps),
  'adam.keep': scalar(1 - lr * weightDecay),
  'adam.ema': scalar(ema),
});

export async function tensorflowCore(options: WorkerOptions): Promise<Core> {
  const { model: config, seed, tensorflow } = options;
  if (!tensorflow) throw new MdiffError('MDIFF_TENSORFLOW', 'engine "tfjs_node": expected native TensorFlow, got none; run "mdiff engine install tensorflow"', 2);
  const layout = layoutOf(config);
  const names = layout.params.map(({ name }) => name);
  const shapes = Object.fromEntries(layout.params.map(({ name, shape }) => [name, [...shape]]));
  const bfloat16 = options.mixedPrecision === true;
  const dropping = config.dropout > 0 || config.attention_dropout > 0;

  const native = timed('library', () => loadTensorFlow(tensorflow));
  if (options.device === 'cuda' && !usesGpu(native)) {
    throw new MdiffError('MDIFF_TENSORFLOW', `device "cuda": expected a GPU, but the library in ${tensorflow.folder} lists none; see "mdiff engine doctor", or set device to "auto" or "cpu"`, 2);
  }
  await tf.setBackend('cpu');
  const own = (graph: Graph, slot: Slot = 'params'): Graph => variablesOf(graph, new Map(names.map((name) => [name, inSlot(slot, name)])));
  const parts = options.device === 'cuda' ? 1 : partsFor(options.threads);
  const kernels = options.kernels === false || options.device === 'cuda' ? undefined : openKernels(tensorflow, options.threads / parts);
  const products = bfloat16 && kernels?.products === true;
  const step = { ...options, ...(kernels && { ops: fusedOps(products) }) };
  const pass = replicate(own(openGraph('train', step, layout, false)), parts);
  const dropped = dropping ? replicate(own(openGraph('train', step, layout, true)), parts) : undefined;
  const evaluation = openGraph('eval', options, layout, false);
  const evaluated = replicate(evaluation, parts);

  /** What the loaded graph was made for: AdamW's decay rates are constants in it, and the average exists only where one is kept. */
  let made: { beta1: number; beta2: number; ema: boolean } | undefined;
  let model: Model | undefined;
  let initial: TrainState | undefined = { params: initParams(config, seed), m: new Float32Array(layout.total), v: new Float32Array(layout.total) };
  let accumulated = 0;

  const slotsOf = (ema: boolean): Slot[] => (ema ? ['params', 'm', 'v', 'ema'] : ['params', 'm', 'v']);

  const build = async (wanted: NonNullable<typeof made>): Promise<Model> => {
    const variables: Record<string, { shape: number[]; dtype: 'float32' }> = { gradient: { shape: [layout.total], dtype: 'float32' } };
    for (const slot of slotsOf(wanted.ema)) for (const name of names) variables[inSlot(slot, name)] = { shape: shapes[name]!, dtype: 'float32' };
    const update = adamw({
      ...(kernels && { op: 'MdiffAdamw' }),
      beta1: wanted.beta1,
      beta2: wanted.beta2,
      slots: layout.params.map(({ name, decay }) => ({
        variable: name,
        m: inSlot('m', name),
        v: inSlot('v', name),
        gradient: `grad.${name}`,
        decay,
        ...(wanted.ema && { ema: inSlot('ema', name) }),
      })),
    });
    const signatures: Record<string, SavedModelSignature> = {
      step: { graph: pass, update, bfloat16 },
      grads: { graph: flatGradients(pass, layout), bfloat16 },
      ...(dropped && { 'step.dropout': { graph: dropped, update, bfloat16 }, 'grads.dropout': { graph: flatGradients(dropped, layout), bfloat16 } }),
      apply: { graph: gradientsOf(layout, 'gradient'), update },
      'apply.given': { graph: gradientsOf(layout, 'given'), update },
      gradient: { graph: sumOf(layout) },
      eval: { graph: replicate(own(evaluation, wanted.ema ? 'ema' : 'params'), parts) },
    };
    return load(native, timed('lower', () => toSavedModel({ variables, signatures, ops: { ...(kernels && { softmax: 'MdiffSoftmax' }), ...(products && { product: 'MdiffProduct', productAdd: 'MdiffProductAdd' }) } })), [...Object.keys(signatures), 'init', 'read']);
  };

  const ensure = async (update?: Update): Promise<Model> => {
    const wanted = {
      beta1: update?.beta1 ?? made?.beta1 ?? 0.9,
      beta2: update?.beta2 ?? made?.beta2 ?? 0.95,
      ema: (update !== undefined && update.ema > 0) || made?.ema === true || initial?.ema !== undefined,
    };
    if (model && made && made.beta1 === wanted.beta1 && made.beta2 === wanted.beta2 && made.ema === wanted.ema && !initial) return model;
    const state = initial ?? take();
    if (wanted.ema) state.ema ??= state.params.slice(); // the average starts from the weights before the first update
    const gradient = accumulated > 0 ? model!.run('gradient', {}).gradient! : new Float32Array(layout.total);
    if (!model || made?.beta1 !== wanted.beta1 || made.beta2 !== wanted.beta2 || made.ema !== wanted.ema) {
      model?.close();
      model = await build(wanted);
      made = wanted;
    }
    const feeds: Feeds = { gradient: { type: 'float32', data: gradient, shape: [layout.total] } };
    for (const slot of slotsOf(wanted.ema)) {
      for (const { name, offset, size } of layout.params) feeds[inSlot(slot, name)] = { type: 'float32', data: state[slot]!.subarray(offset, offset + size), shape: shapes[name]! };
    }
    model.run('init', feeds);
    initial = undefined;
    return model;
  };

  const take = (): TrainState => {
    const values = model!.run('read', {});
    const flat = (slot: Slot): Float32Array => {
      const out = new Float32Array(layout.total);
      for (const { name, offset } of layout.params) out.set(values[inSlot(slot, name)]!, offset);
      return out;
    };
    return { params: flat('params'), m: flat('m'), v: flat('v'), ...(made!.ema && { ema: flat('ema') }) };
  };

  const feedsOfParts = (cut: readonly Part[], graph: Graph): Feeds => used(merged(cut.map(({ batch }, part) => named(feedsOf(filled(batch)), part))), graph);
  const feedsFor = (batch: StepBatch): Feeds => {
    const cut = splitBatch(batch, parts);
    // Drawn for the whole batch, so that they do not depend on the number of parts.
    const masks = maskFeeds(batch, masksOf(config, batch.B, batch.S, batch.dropout !== undefined));
    return { ...feedsOfParts(cut, pass), ...merged(cut.map((one, part) => named(rowsOf(masks, one), part))) };
  };
  const signature = (name: string, { dropout }: StepBatch): string => (dropout && dropping ? `${name}.dropout` : name);

  const grads = async (batch: StepBatch, update?: Update): Promise<{ loss: number }> => {
    const ready = await ensure(update);
    const { loss } = ready.run(signature('grads', batch), { ...feedsFor(batch), first: scalar(accumulated === 0 ? 1 : 0) });
    accumulated++;
    return { loss: loss![0]! };
  };
  const result = (norm: Float32Array): Omit<StepResult, 'loss'> => {
    const gradNorm = norm[0]!;
    return { gradNorm, finite: Number.isFinite(gradNorm) };
  };
  const apply = async (update: Update, given?: Float32Array): Promise<Omit<StepResult, 'loss'>> => {
    if (given) checkGradient(given, layout);
    const ready = await ensure(update);
    const { grad_norm } = given
      ? ready.run('apply.given', { ...adamFeeds(update), given: { type: 'float32', data: given, shape: [layout.total] } })
      : ready.run('apply', adamFeeds(update));
    accumulated = 0;
    return result(grad_norm!);
  };

  return {
    layout,
    grads: (batch) => grads(batch),
    gradient: async () => (accumulated > 0 ? (await ensure()).run('gradient', {}).gradient! : new Float32Array(layout.total)),
    apply,
    step: async ({ batches, update }) => {
      if (batches.length === 1 && accumulated === 0) {
        const [batch] = batches as [StepBatch];
        const { loss, grad_norm } = (await ensure(update)).run(signature('step', batch), { ...feedsFor(batch), ...adamFeeds(update) });
        const { gradNorm, finite } = result(grad_norm!);
        return { loss: loss![0]!, gradNorm, finite: finite && Number.isFinite(loss![0]) };
      }
      let loss = 0;
      for (const batch of batches) loss += (await grads(batch, update)).loss;
      if (!Number.isFinite(loss)) {
        accumulated = 0;
        return { loss, gradNorm: NaN, finite: false };
      }
      return { loss, ...(await apply(update)) };
    },
    evaluate: async (batch) => {
      const cut = splitBatch(batch, parts);
      const found = (await ensure()).run('eval', feedsOfParts(cut, evaluated));
      return inOrder(cut, cut.map((_, part) => found[ofPart('ce', part)]!));
    },
    read: async () => {
      await ensure();
      return take();
    },
    load: (state) => {
      if (state.params.length !== layout.total) throw new MdiffError('MDIFF_DAMAGED', `checkpoint: expected ${layout.total} parameters, got ${state.params.length}`);
      initial = state;
      if (made && !state.ema) made = { ...made, ema: false };
      if (made?.ema === false && model) {
        model.close();
        model = undefined;
        made = undefined;
      }
      accumulated = 0;
      return Promise.resolve();
    },
    resetMoments: async () => {
      await ensure();
      initial = take();
      initial.m.fill(0);
      initial.v.fill(0);
    },
  };
}

/** The feeds of one part, by the names that `replicate` gives its inputs. */
const named = (feeds: Feeds, part: number): Feeds => Object.fromEntries(Object.entries(feeds).map(([name, array]) => [array.shape.length > 0 ? ofPart(name, part) : name, array]));

const merged = (feeds: readonly Feeds[]): Feeds => Object.assign({}, ...feeds) as Feeds;

/** Only what a graph has as inputs is fed: the optimiser may have dropped one that nothing reads. */
const used = (feeds: Feeds, { inputs }: Graph): Feeds => Object.fromEntries(inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));

/** The variable `gradient` as it stands. */
const sumOf = ({ total }: ParamLayout): Graph => {
  const info = { shape: [total], dtype: 'float32' as const };
  return { dims: [], inputs: [], variables: [{ name: 'gradient', ...info }], constants: {}, values: { gradient: info }, nodes: [], outputs: [{ name: 'gradient', value: 'gradient' }], updates: [] };
};

/** Inputs that become reads of variables, by the variables' names. */
function variablesOf(graph: Graph, variables: ReadonlyMap<string, string>): Graph {
  const rename = (name: string): string => variables.get(name) ?? name;
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !variables.has(name)),
    variables: graph.inputs.filter(({ name }) => variables.has(name)).map((input) => ({ ...input, name: rename(input.name) })),
    values: Object.fromEntries(Object.entries(graph.values).map(([name, info]) => [rename(name), info])),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
    outputs: graph.outputs.map((output) => ({ ...output, value: rename(output.value) })),
  };
}
