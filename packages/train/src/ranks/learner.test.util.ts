import type { Engine, EngineOptions, StepBatch, TrainState } from '@mdiff/engine';
import { adamwFlat, allocate, emaFlat, initParams, layout as layoutOf } from '@mdiff/model';

/** An engine whose gradient is a made-up function of the weights and the batch. It adds and updates as a real one does, and starts at once. */
export function learner({ model, threads, seed }: EngineOptions): Promise<Engine> {
  const layout = layoutOf(model);
  const { grads: sum, ...state } = allocate(layout.total);
  state.params.set(initParams(model, seed));
  let ema: Float32Array | undefined;
  let accumulated = 0;
  const lossOf = ({ ids, rows, weights, dropout }: StepBatch): number => {
    const text = ids.reduce((hash, id, i) => (hash * 31 + id * (i + 1)) % 99991, rows.length);
    const masses = weights.reduce((all, weight) => all + weight, 0);
    return masses * (1 + Math.sin(text + (dropout?.pass ?? 0) + state.params[text % layout.total]!));
  };
  const take = (): Promise<Float32Array> => {
    const taken = accumulated > 0 ? sum.slice() : new Float32Array(layout.total);
    accumulated = 0;
    return Promise.resolve(taken);
  };
  const grads: Engine['grads'] = (batch) => {
    const loss = lossOf(batch);
    for (let k = 0; k < layout.total; k++) {
      const part = Math.fround(loss * Math.sin(k * 1.7 + 50 * state.params[k]! + batch.rows.length));
      sum[k] = accumulated > 0 ? sum[k]! + part : part;
    }
    accumulated++;
    return Promise.resolve({ loss });
  };
  const apply: Engine['apply'] = ({ ema: decay, ...update }, gradient) => {
    if (gradient) sum.set(gradient);
    accumulated = 0;
    if (decay > 0) ema ??= state.params.slice();
    const result = adamwFlat({ ...state, grads: sum, layout, ...update });
    if (result.finite && decay > 0) emaFlat(ema!, state.params, decay);
    return Promise.resolve(result);
  };
  return Promise.resolve({
    name: 'learner',
    threads,
    layout,
    grads,
    gradient: () => Promise.resolve(sum.slice()),
    take,
    apply,
    step: async (batches, update) => {
      let loss = 0;
      for (const batch of batches) loss += (await grads(batch)).loss;
      return { loss, ...(await apply(update)) };
    },
    evaluate: (batch) => Promise.resolve(new Float32Array(batch.rows.length).fill(lossOf({ ...batch, weights: Float32Array.of(2) }))),
    read: (): Promise<TrainState> =>
      Promise.resolve({ params: state.params.slice(), m: state.m.slice(), v: state.v.slice(), ...(ema && { ema: ema.slice() }) }),
    load: ({ params, m, v, ema: average }) => {
      state.params.set(params);
      state.m.set(m);
      state.v.set(v);
      ema = average;
      accumulated = 0;
      return Promise.resolve();
    },
    resetMoments: () => {
      state.m.fill(0);
      state.v.fill(0);
      return Promise.resolve();
    },
    exportOnnx: () => Promise.resolve({ model: new Uint8Array() }),
    startup: () => Promise.resolve({ trace: 0, optimize: 0, lower: 0, library: 0, load: 0 }),
    close: () => Promise.resolve(),
  });
}
