import { tf } from './tf.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviation, host, run, session, tensor, tidy, type HostTensor } from './harness.test.util.js';
import { compile, updateName, type CompiledModel, type Loss } from './index.js';

import type * as tfjs from '@tensorflow/tfjs';

const { layers, train } = tf;

/** Numbers from −1 to 1 that repeat late. */
const values = (shape: number[], seed = 0): HostTensor => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(12.9898 * (i + 1) + 7 * seed)),
});

/** Fixed weights, so that every run compares the same numbers. */
function settle<T extends tf.LayersModel>(model: T): T {
  const { weights } = model as unknown as { weights: { shape: number[]; val: tf.Variable }[] };
  weights.forEach(({ val }, i) => {
    // A variance stays positive.
    const next = tf.tidy(() => tf.add(tf.mul(tensor(values(val.shape, i)), 0.4), /variance/.test(val.name) ? 1 : 0));
    val.assign(next);
    next.dispose();
  });
  return model;
}

const small = (): tf.LayersModel =>
  settle(
    tf.sequential({
      layers: [
        layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [5, 5, 1], activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.batchNormalization(),
        layers.flatten(),
        layers.dense({ units: 3, activation: 'softmax' }),
      ],
    }),
  );

const image = values([4, 5, 5, 1]);
const classes: HostTensor = { shape: [4, 1], dtype: 'float32', data: Float32Array.of(0, 2, 1, 2) };

async function predictionOf({ graph, state }: CompiledModel, feeds: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
  return run(await session(graph, { initializers: state }, 'prediction'), feeds);
}

/** Losses of some steps in ONNX Runtime, which hands its state on from step to step. */
async function stepsOf({ graph, state }: CompiledModel, feeds: Record<string, HostTensor>, steps: number): Promise<number[]> {
  const model = await session(graph, {}, 'step');
  let held = Object.fromEntries(
    graph.variables.map(({ name, dtype, shape }) => [name, { dtype, shape: shape as number[], data: state[name]! }]),
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const results = await run(model, { ...feeds, ...held });
    losses.push(results.loss!.data[0]!);
    held = Object.fromEntries(Object.entries(held).map(([name, value]) => [name, results[updateName(name)] ?? value]));
  }
  return losses;
}

beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.disposeVariables());

describe('a prediction', () => {
  it('of a convolution network equals predict at every batch size and leaves no tensors', async () => {
    const model = small();
    const before = tf.memory().numTensors;
    const compiled = compile(model);
    expect(tf.memory().numTensors).toBe(before);
    expect(compiled.graph.dims).toEqual(['batch']);
    const [input] = compiled.graph.inputs;
    for (const n of [1, 4]) {
      const x = { ...image, shape: [n, 5, 5, 1], data: image.data.slice(0, 25 * n) };
      const expected = tidy(() => host(model.predict(tensor(x)) as tf.Tensor));
      const results = await predictionOf(compiled, { [input!.name]: x });
      expect(deviation(Object.values(results)[0]!, expected)).toBeLessThan(1e-6);
    }
  });

  it('of several inputs and outputs has their names, and a shape for an open length', async () => {
    const tokens = tf.input({ shape: [null], name: 'tokens', dtype: 'int32' });
    const extra = tf.input({ shape: [2], name: 'extra' });
    const row = layers.embedding({ inputDim: 7, outputDim: 3 }).apply(tokens) as tfjs.SymbolicTensor;
    const state = layers.lstm({ units: 2 }).apply(row) as tfjs.SymbolicTensor;
    const joined = layers.concatenate().apply([state, extra]) as tfjs.SymbolicTensor;
    const outputs = ['first', 'second'].map((name) => layers.dense({ units: 2, name }).apply(joined) as tfjs.SymbolicTensor);
    const model = settle(tf.model({ inputs: [tokens, extra], outputs }));
    expect(() => compile(model)).toThrow(/different operations|fails at/);
    const compiled = compile(model, { shapes: { tokens: ['batch', 4] } });
    const feeds: Record<string, HostTensor> = {
      tokens: { shape: [3, 4], dtype: 'int32', data: Int32Array.from({ length: 12 }, (_, i) => (i * 5) % 7) },
      extra: values([3, 2]),
    };
    const expected = tidy(() => (model.predict([tensor(feeds.tokens!), tensor(feeds.extra!)]) as tf.Tensor[]).map(host));
    const results = await predictionOf(compiled, feeds);
    expect(Object.keys(results)).toEqual(['first', 'second']);
    Object.values(results).forEach((value, i) => expect(deviation(value, expected[i]!)).toBeLessThan(1e-6));
    expect(() => compile(model, { shapes: { words: ['batch', 4] } })).toThrow(/'words', which is no input; expected tokens, extra/);
  });

  it('of a converted graph has its weights as constants', async () => {
    const model = await tf.loadGraphModel(graphModel());
    const x = values([3, 2]);
    const expected = tidy(() => host(model.predict(tensor(x)) as tf.Tensor));
    const compiled = compile(model);
    expect(compiled.state).toEqual({});
    expect(deviation((await predictionOf(compiled, { x }))['y']!, expected)).toBeLessThan(1e-6);
    expect(() => compile(model, { optimizer: 'sgd', loss: 'meanSquaredError' })).toThrow(/no trainable weights/);
    model.dispose();
  });
});

/** relu(x · w + b), as tensorflowjs_converter would write it. */
function graphModel(): tfjs.io.IOHandler {
  const type = { type: 'DT_FLOAT' };
  const node = (name: string, op: string, input: string[], attr: object = {}) => ({ name, op, input, attr: { T: type, ...attr } });
  const constant = (name: string, dims: number[]) => ({ name, op: 'Const', input: [], attr: { dtype: type, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: dims.map((size) => ({ size: String(size) })) } } } } }); // prettier-ignore
  const dims = [{ size: '-1' }, { size: '2' }];
  const nodes = [
    { name: 'x', op: 'Placeholder', input: [], attr: { dtype: type, shape: { shape: { dim: dims } } } },
    constant('w', [2, 3]),
    constant('b', [3]),
    node('product', 'MatMul', ['x', 'w']),
    node('sum', 'BiasAdd', ['product', 'b']),
    node('y', 'Relu', ['sum']),
  ];
  return tf.io.fromMemory({
    modelTopology: { node: nodes, versions: {} },
    format: 'graph-model',
    weightSpecs: [
      { name: 'w', shape: [2, 3], dtype: 'float32' },
      { name: 'b', shape: [3], dtype: 'float32' },
    ],
    weightData: values([9]).data.buffer as ArrayBuffer,
  });
}

describe('a step of training', () => {
  it.each<[string, () => string | tf.Optimizer]>([
    ['momentum', () => train.momentum(0.05, 0.9, true)],
    ['adam', () => 'adam'],
    ['rmsprop', () => train.rmsprop(0.01, 0.9, 0.5)],
    ['adagrad', () => train.adagrad(0.05)],
  ])('with %s equals trainOnBatch', async (_name, optimizer) => {
    const model = small();
    const compiled = compile(model, { optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy' });
    const [input] = compiled.graph.inputs;
    expect(compiled.graph.inputs.map(({ name }) => name).at(-1)).toBe('target');
    const losses = await stepsOf(compiled, { [input!.name]: image, target: classes }, 5);
    const [x, y] = [tensor(image), tensor(classes)];
    for (const [step, loss] of losses.entries()) {
      const eager = (await model.trainOnBatch(x, y)) as number;
      expect(Math.abs(loss - eager), `step ${step}: ${loss} instead of ${eager}`).toBeLessThan(1e-4 * (1 + eager));
    }
    expect(losses[4]).toBeLessThan(losses[0]!);
    model.dispose();
    tf.dispose([x, y]);
  });

  it.each<[string, () => tf.Optimizer]>([
    ['sgd', () => train.sgd(0.05)],
    ['adam', () => train.adam(0.05)],
    ['adamax', () => train.adamax(0.05, 0.9, 0.999, 1e-7, 0.1)],
    ['rmsprop', () => train.rmsprop(0.05, 0.9, 0.5, 1e-7, true)],
  ])('with %s takes the learning rate as an input', async (_name, optimizer) => {
    const dense = (): tf.LayersModel => settle(tf.sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] }));
    const options = { optimizer: optimizer(), loss: 'meanSquaredError' } as const;
    const compiled = compile(dense(), { ...options, learningRate: 'input' });
    expect(compiled.graph.inputs.at(-1)).toEqual({ name: 'learningRate', shape: [], dtype: 'float32' });
    const fixed = dense();
    const rate = { shape: [], dtype: 'float32' as const, data: Float32Array.of(0.05) };
    const feeds = { [compiled.graph.inputs[0]!.name]: values([4, 3]), target: values([4, 2], 1) };
    const expected = await stepsOf(compile(fixed, { ...options, optimizer: optimizer() }), { ...feeds, [fixed.inputNames[0]!]: feeds[compiled.graph.inputs[0]!.name]! }, 3); // prettier-ignore
    const losses = await stepsOf(compiled, { ...feeds, learningRate: rate }, 3);
    expect(losses[2]).toBeLessThan(losses[0]!);
    losses.forEach((loss, i) => expect(loss).toBeCloseTo(expected[i]!, 5));
    const still = await stepsOf(compiled, { ...feeds, learningRate: { ...rate, data: Float32Array.of(0) } }, 3);
    expect(new Set(still)).toEqual(new Set([losses[0]]));
  });

  it('of layers that normalise a text of open length equals trainOnBatch', async () => {
    const model = settle(
      tf.sequential({
        layers: [
          layers.dense({ units: 3, inputShape: [null, 2] }),
          layers.layerNormalization(),
          layers.globalAveragePooling1d(),
          layers.dense({ units: 1 }),
        ],
      }),
    );
    const compiled = compile(model, { optimizer: 'sgd', loss: 'meanSquaredError' });
    const [x, target] = [values([3, 4, 2]), values([3, 1], 1)];
    const losses = await stepsOf(compiled, { [compiled.graph.inputs[0]!.name]: x, target }, 3);
    const batch = [tensor(x), tensor(target)] as const;
    for (const loss of losses) expect(loss).toBeCloseTo((await model.trainOnBatch(...batch)) as number, 5);
    model.dispose();
    tf.dispose([...batch]);
  });

  it('refuses half of what it needs, dropout, and models of another copy', () => {
    const model = tf.sequential({ layers: [layers.dense({ units: 2, inputShape: [2] }), layers.dropout({ rate: 0.5 })] });
    expect(() => compile(model, { optimizer: 'sgd' })).toThrow(/needs both an optimizer and a loss/);
    expect(() => compile(model, { learningRate: 'input' })).toThrow(/learningRate: expected 'input' and an optimizer and a loss/);
    expect(() => compile(model, { optimizer: 'sgd', loss: 'meanSquaredError' as Loss })).toThrow(/draws random numbers/);
    expect(() => compile({} as tf.LayersModel)).toThrow(/expected a tf\.LayersModel .* install one copy/);
    expect(compile(model).graph.nodes.length).toBeGreaterThan(0);
    model.dispose();
  });
});
