import { adamwFlat, addFlat, allocate, emaFlat, initParams, layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import type { ModelConfig } from '@mdiff/config';
import type { TrainState } from '../state.js';
import { checkGradient, checkState, inSequence } from '../engine.js';
import type { Core, StepBatch, StepResult, Update, WorkerOptions } from '../engine.js';
import { feedsOf, maskFeeds, views } from './feeds.js';
import type { Feeds, Kind } from './feeds.js';
import { masksOf, passKey } from './graphs.js';
import type { PassShape } from './graphs.js';

// An engine that keeps weights, moments and gradients in flat buffers of this process. Passes get views of the weights, and AdamW runs on the
// buffers: inside an ONNX graph it was slower (docs/log/2026-11-23-default-run-vocabulary.md).

/** A compiled pass: arrays in by input name, arrays out by output name. */
export interface Pass {
  (feeds: Feeds): Promise<Record<string, Float32Array>>;
  /** frees what it holds outside JavaScript */
  release?(): Promise<void>;
}

/** Makes a pass that can be run. */
export type CompilePass = (shape: PassShape) => Promise<Pass>;

/** Flat weights. While the version is the same, so are they. */
export interface Weights {
  flat: Float32Array;
  version: number;
}

/** Runs the passes of an engine. */
export interface Passes {
  /** Writes the batch's gradient to `into`, or adds it (`add`); returns the loss. */
  train(batch: StepBatch, weights: Weights, into: Float32Array, add: boolean): Promise<number>;
  /** Cross-entropy at each loss position, nats. */
  evaluate(batch: StepBatch, weights: Weights): Promise<Float32Array>;
  /** Frees all that was compiled; absent where only the end of the thread does. */
  end?(): Promise<void>;
}

/** Writes the gradients in the outputs of a pass to a flat buffer, or adds them to it. */
export function gather(layout: ParamLayout, outputs: Record<string, Float32Array>, into: Float32Array, add: boolean): void {
  for (const { name, offset, size } of layout.params) {
    const data = outputs[`grad.${name}`]!;
    if (add) addFlat(into.subarray(offset, offset + size), data);
    else into.set(data, offset);
  }
}

/** Passes over whole batches; each is compiled when it is first needed. */
export function wholePasses(model: ModelConfig, layout: ParamLayout, compile: CompilePass): Passes {
  const compiled = new Map<string, Promise<Pass>>();
  const run = async (kind: Kind, batch: StepBatch, { flat }: Weights): Promise<Record<string, Float32Array>> => {
    const { B, S } = batch;
    const masks = masksOf(model, B, S, kind === 'train' && batch.dropout !== undefined);
    const shape = { kind, B, S, masks };
    const key = passKey(shape);
    const pass = compiled.get(key) ?? compile(shape);
    compiled.set(key, pass);
    return (await pass)({ ...feedsOf(batch), ...views(layout, flat), ...maskFeeds(batch, masks) });
  };
  return {
    train: async (batch, weights, into, add) => {
      const outputs = await run('train', batch, weights);
      gather(layout, outputs, into, add);
      return outputs.loss![0]!;
    },
    evaluate: async (batch, weights) => (await run('eval', batch, weights)).ce!,
    end: async () => {
      for (const pass of compiled.values()) await (await pass).release?.();
      compiled.clear();
    },
  };
}

export const hostCore = (options: WorkerOptions, compile: CompilePass): Core =>
  coreOver(options, wholePasses(options.model, layoutOf(options.model), compile));

export function coreOver({ model, seed }: WorkerOptions, passes: Passes): Core {
  const layout = layoutOf(model);
  // `gradient` is the sum since the last update, flat like the weights.
  const { grads: gradient, ema: average, ...buffers } = allocate(layout.total);
  const averageOf = (from: Float32Array): Float32Array => {
    average.set(from);
    return average;
  };
  const state: TrainState = buffers;
  state.params.set(initParams(model, seed));
  let accumulated = 0;
  let version = 0;

  const grads = async (batch: StepBatch): Promise<{ loss: number }> => {
    const loss = await passes.train(batch, { flat: state.params, version }, gradient, accumulated > 0);
    accumulated++;
    return { loss };
  };

  const apply = async ({ ema, ...update }: Update, given?: Float32Array): Promise<Omit<StepResult, 'loss'>> => {
    if (given) {
      checkGradient(given, layout);
      gradient.set(given);
    }
    accumulated = 0;
    if (ema > 0) state.ema ??= averageOf(state.params); // the average starts from the weights before the first update
    version++;
    const { gradNorm, finite } = adamwFlat({ ...state, grads: gradient, layout, ...update });
    if (finite && ema > 0) emaFlat(state.ema!, state.params, ema);
    return { gradNorm, finite };
  };

  return {
    layout,
    ...(passes.end && { end: () => passes.end!() }),
    grads,
    gradient: () => Promise.resolve(accumulated > 0 ? gradient.slice() : new Float32Array(layout.total)),
    take: () => {
      const taken = accumulated > 0 ? gradient.slice() : new Float32Array(layout.total);
      accumulated = 0;
      return Promise.resolve(taken);
    },
    apply,
    step: ({ batches, update }) => inSequence(batches, { grads, forget: () => (accumulated = 0), apply: () => apply(update) }),
    evaluate: (batch) => passes.evaluate(batch, { flat: state.ema ?? state.params, version }),
    read: () =>
      Promise.resolve({
        params: state.params.slice(),
        m: state.m.slice(),
        v: state.v.slice(),
        ...(state.ema && { ema: state.ema.slice() }),
      }),
    load: async (given) => {
      checkState(given, layout);
      version++;
      // Copies, because AdamW is four times as fast on buffers from `allocate`.
      for (const name of ['params', 'm', 'v'] as const) state[name].set(given[name]);
      if (given.ema) state.ema = averageOf(given.ema);
      else delete state.ema;
      accumulated = 0;
    },
    resetMoments: () => {
      state.m.fill(0);
      state.v.fill(0);
      return Promise.resolve();
    },
  };
}
