import { adamwFlat, allocate, emaFlat, initParams, layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import type { TrainState } from './checkpoint.js';
import { checkGradient } from './engine.js';
import type { Core, StepBatch, StepResult, Update, WorkerOptions } from './engine.js';
import { TrainError } from './errors.js';
import { feedsOf, maskFeeds, masksOf } from './graphs.js';
import type { Feeds, HostArray, Kind } from './graphs.js';

// An engine that keeps weights, moments and gradients in flat buffers of this process: whatever runs the passes gets views of the
// weights, and AdamW runs on the buffers (inside an ONNX graph it was slower, docs/log.md).

/** A compiled pass: arrays in by input name, arrays out by output name. */
export type Pass = (feeds: Feeds) => Promise<Record<string, Float32Array>>;

/** Makes the pass of `kind` over [B, S] with the given dropout masks. */
export type Compile = (kind: Kind, B: number, S: number, masks: Record<string, readonly number[]>) => Promise<Pass>;

const views = (layout: ParamLayout, flat: Float32Array): Feeds =>
  Object.fromEntries(
    layout.params.map(({ name, shape, offset, size }): [string, HostArray] => [name, { type: 'float32', data: flat.subarray(offset, offset + size), shape }]),
  );

export function hostCore({ model, seed }: WorkerOptions, compile: Compile): Core {
  const layout = layoutOf(model);
  /** Σ of the gradients since the last update, flat like the weights */
  const { grads: gradient, ...buffers } = allocate(layout.total);
  const state: TrainState = buffers;
  state.params.set(initParams(model, seed));
  const params = views(layout, state.params);
  let accumulated = 0;
  const compiled = new Map<string, { pass: Promise<Pass>; masks: Record<string, readonly number[]> }>();

  const compiledFor = (kind: Kind, { B, S, dropout }: StepBatch): { pass: Promise<Pass>; masks: Record<string, readonly number[]> } => {
    const dropping = kind === 'train' && dropout !== undefined;
    const key = `${kind} ${B} ${S} ${dropping}`;
    let found = compiled.get(key);
    if (!found) {
      const masks = masksOf(model, B, S, dropping);
      compiled.set(key, (found = { pass: compile(kind, B, S, masks), masks }));
    }
    return found;
  };

  const grads = async (batch: StepBatch): Promise<{ loss: number }> => {
    const { pass, masks } = compiledFor('train', batch);
    const outputs = await (await pass)({ ...feedsOf(batch), ...params, ...maskFeeds(batch, masks) });
    for (const { name, offset, size } of layout.params) {
      const data = outputs[`grad.${name}`]!;
      if (accumulated === 0) gradient.set(data, offset);
      else for (let i = 0; i < size; i++) gradient[offset + i] = gradient[offset + i]! + data[i]!;
    }
    accumulated++;
    return { loss: outputs.loss![0]! };
  };

  const apply = ({ ema, ...update }: Update, given?: Float32Array): Promise<Omit<StepResult, 'loss'>> => {
    if (given) {
      checkGradient(given, layout);
      gradient.set(given);
    }
    accumulated = 0;
    if (ema > 0) state.ema ??= state.params.slice(); // the average starts from the weights before the first update
    const { gradNorm, finite } = adamwFlat({ ...state, grads: gradient, layout, ...update });
    if (finite && ema > 0) emaFlat(state.ema!, state.params, ema);
    return Promise.resolve({ gradNorm, finite });
  };

  return {
    layout,
    grads,
    gradient: () => Promise.resolve(accumulated > 0 ? gradient.slice() : new Float32Array(layout.total)),
    apply: async (update, given) => apply(update, given),
    step: async ({ batches, update }) => {
      let loss = 0;
      for (const batch of batches) loss += (await grads(batch)).loss;
      if (!Number.isFinite(loss)) {
        accumulated = 0;
        return { loss, gradNorm: NaN, finite: false };
      }
      return { loss, ...(await apply(update)) };
    },
    evaluate: async (batch) => {
      const { pass } = compiledFor('eval', batch);
      const weights = state.ema ? views(layout, state.ema) : params;
      return (await (await pass)({ ...feedsOf(batch), ...weights })).ce!;
    },
    read: () =>
      Promise.resolve({ params: state.params.slice(), m: state.m.slice(), v: state.v.slice(), ...(state.ema && { ema: state.ema.slice() }) }),
    load: (given) => {
      if (given.params.length !== layout.total) throw new TrainError('MDIFF_DAMAGED', `checkpoint: expected ${layout.total} parameters, got ${given.params.length}`);
      // Copied, not kept: AdamW is four times as fast on the buffers it allocated itself.
      for (const name of ['params', 'm', 'v'] as const) state[name].set(given[name]);
      if (given.ema) state.ema = given.ema;
      else delete state.ema;
      accumulated = 0;
      return Promise.resolve();
    },
    resetMoments: () => {
      state.m.fill(0);
      state.v.fill(0);
      return Promise.resolve();
    },
  };
}
