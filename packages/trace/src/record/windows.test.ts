import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { Draw } from '../draw.test.util.js';
import { deviation, host, run, session, tensor, tidy, type HostTensor } from '../harness.test.util.js';
import { optimize, trace, type Graph, type InputSpec, type OnnxOptions } from '../index.js';
import { onnxModel } from '../onnx/model.js';
import { decompose } from '../passes/decompose.js';
import { SLICES } from './slices.js';

// Convolutions, pooling and batch normalisation with their gradients, over a batch of open size. One graph holds all of them.

const draw = new Draw(7);
const shapes: Record<string, number[]> = {
  image: [3, 6, 5, 2],
  volume: [3, 4, 4, 3, 2],
  line: [3, 7, 2],
  square: [3, 3, 2, 4],
  each: [2, 2, 2, 3],
  mix: [1, 1, 6, 3],
  cube: [2, 2, 2, 2, 3],
  row: [3, 2, 4],
  back: [3, 3, 3, 2],
  four: [4],
  two: [2],
};
const feeds: Record<string, HostTensor> = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, draw.float(shape)]));
const inputs = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]): [string, InputSpec] => [
    name,
    { shape: ['image', 'volume', 'line'].includes(name) ? ['n', ...shape.slice(1)] : shape, dtype: 'float32' },
  ]),
);
type Named = Record<string, tf.Tensor>;
type Op = [names: string[], fn: (...inputs: never[]) => tf.Tensor];
type T4 = tf.Tensor4D;

const OPS: Record<string, Op> = {
  conv1d: [['line', 'row'], (x: tf.Tensor3D, w: tf.Tensor3D) => tf.conv1d(x, w, 2, 'same')],
  conv2d: [['image', 'square'], (x: T4, w: T4) => tf.conv2d(x, w, 1, 'same')],
  conv2dStrides: [['image', 'square'], (x: T4, w: T4) => tf.conv2d(x, w, [2, 1], 'valid')],
  conv2dPads: [['image', 'square'], (x: T4, w: T4) => tf.conv2d(x, w, 2, [[0, 0], [2, 1], [1, 0], [0, 0]], 'NHWC', 1, 'floor')], // prettier-ignore
  conv3d: [['volume', 'cube'], (x: tf.Tensor5D, w: tf.Tensor5D) => tf.conv3d(x, w, 2, 'same')],
  transposed: [['image', 'back'], (x: T4, w: T4) => tf.conv2dTranspose(x, w, [x.shape[0], 12, 10, 3], 2, 'same')],
  depthwise: [['image', 'each'], (x: T4, w: T4) => tf.depthwiseConv2d(x, w, 2, 'same')],
  separable: [['image', 'each', 'mix'], (x: T4, w: T4, p: T4) => tf.separableConv2d(x, w, p, 1, 'valid')],
  maxPool: [['image'], (x: T4) => tf.maxPool(x, 3, 2, 'same')],
  maxPoolOverlap: [['image'], (x: T4) => tf.maxPool(tf.round(x), [2, 3], 1, 'valid')],
  avgPool: [['image'], (x: T4) => tf.avgPool(x, 3, 2, 'same')],
  avgPoolUnreached: [['image'], (x: T4) => tf.avgPool(x, 2, 2, 'valid')],
  maxPool3d: [['volume'], (x: tf.Tensor5D) => tf.maxPool3d(x, 2, 2, 'same')],
  avgPool3d: [['volume'], (x: tf.Tensor5D) => tf.avgPool3d(x, 2, 1, 'valid')],
  batchNorm: [['image', 'two'], (x: T4, m: tf.Tensor1D) => tf.batchNorm(x, m, tf.add(tf.square(m), 1) as tf.Tensor1D, m, m, 0.01)],
};
const PLAIN: Record<string, (t: Named) => tf.Tensor> = {
  dilated: ({ image, square }) => tf.conv2d(image as T4, square as T4, 1, 'same', 'NHWC', 2),
  dilatedEach: ({ image, each }) => tf.depthwiseConv2d(image as T4, each as T4, 1, 'valid', 'NHWC', 2),
  fused: ({ image, square, four }) =>
    tf.fused.conv2d({ x: image as T4, filter: square as T4, strides: 1, pad: 'same', bias: four!, activation: 'relu' }),
  flipped: ({ image }) => tf.image.flipLeftRight(image as T4),
};

function all(t: Named): Named {
  const results: Named = Object.fromEntries(Object.entries(PLAIN).map(([name, fn]) => [name, fn(t)]));
  for (const [name, [keys, op]] of Object.entries(OPS)) {
    const fn = op as (...some: tf.Tensor[]) => tf.Tensor;
    const values = keys.map((key) => t[key]!);
    results[name] = fn(...values);
    tf.grads((...some) => tf.sum(tf.square(fn(...some))))(values).forEach((gradient, i) => (results[`${name}.${keys[i]}`] = gradient));
  }
  return results;
}

beforeAll(() => tf.setBackend('cpu'));

it('equal tfjs-cpu, with gradients, at an open batch size, as operators and as slices', async () => {
  const expected = tidy(() =>
    Object.entries(all(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])))).map(
      ([name, value]) => [name, host(value)] as const,
    ),
  );
  const graph = optimize(trace(all, { inputs, verify: false }));
  const slices = optimize(decompose(graph, () => true));
  expect(slices.nodes.filter(({ kernel }) => SLICES.has(kernel))).toEqual([]);
  expect([...SLICES.keys()].filter((name) => !graph.nodes.some(({ kernel }) => kernel === name))).toEqual([]);
  const differences: string[] = [];
  const ways: [string, Graph, OnnxOptions][] = [['operators', graph, {}], ['slices', slices, {}], ['webgpu', graph, { webgpu: true }]]; // prettier-ignore
  for (const [way, twin, options] of ways) {
    const results = await run(await session(twin, options, `windows-${way}`), feeds);
    for (const [name, value] of expected) {
      const worst = deviation(results[name]!, value);
      if (!(worst < 2e-5)) differences.push(`${name} as ${way}: ${worst}`);
    }
  }
  expect(differences).toEqual([]);
  const positions = (options: OnnxOptions): number =>
    onnxModel(graph, options).nodes.filter(({ op, outputs }) => op === 'MaxPool' && outputs.length > 1).length;
  expect([positions({}) > 0, positions({ webgpu: true })]).toEqual([true, 0]);
});

it('refuses what has another layout', () => {
  expect(() =>
    trace(({ x, w }) => tf.conv2d(x as T4, w as T4, 1, 'same', 'NCHW'), {
      inputs: { x: { shape: [1, 2, 4, 4], dtype: 'float32' }, w: { shape: [1, 1, 2, 2], dtype: 'float32' } },
    }),
  ).toThrow(/'NCHW'.* at .*windows\.test\.ts.*use 'NHWC'/);
});
