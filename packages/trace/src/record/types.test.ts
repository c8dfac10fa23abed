import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { deviation, host, run, session, tensor, tidy, type HostTensor } from '../harness.test.util.js';
import { optimize, trace, type InputSpec } from '../index.js';

// Types, special values and ids of kernels: as tfjs-cpu, or refused with the kernel's name and line.

const feeds: Record<string, HostTensor> = {
  flags: { shape: [4], dtype: 'bool', data: Uint8Array.of(0, 1, 1, 0) },
  other: { shape: [4], dtype: 'bool', data: Uint8Array.of(1, 1, 0, 0) },
  none: { shape: [0], dtype: 'bool', data: new Uint8Array(0) },
  ints: { shape: [4], dtype: 'int32', data: Int32Array.of(-3, 0, 2, 9) },
  floats: { shape: [4], dtype: 'float32', data: Float32Array.of(0.5, -2, 3.75, 1) },
  small: { shape: [4], dtype: 'float32', data: Float32Array.of(1e-8, -3e-8, 1e-7, 0) },
  logits: { shape: [4], dtype: 'float32', data: Float32Array.of(10, 15, 30, -90) },
  ids: { shape: [4], dtype: 'int32', data: Int32Array.of(0, -1, 3, 1) },
};
const inputs: Record<string, InputSpec> = Object.fromEntries(
  Object.entries(feeds).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
);
type Named = Record<keyof typeof feeds, tf.Tensor>;

const EQUAL: Record<string, (t: Named) => tf.Tensor> = {
  ...Object.fromEntries(
    (['abs', 'sign', 'square', 'relu', 'relu6', 'max', 'min', 'prod', 'sum', 'exp', 'round', 'any', 'all'] as const).map((name) => [
      `${name} of flags`,
      ({ flags }: Named) => (tf[name] as (x: tf.Tensor) => tf.Tensor)(flags!),
    ]),
  ),
  'product of flags': ({ flags, other }) => tf.mul(flags!, other!),
  'maximum of flags': ({ flags, other }) => tf.maximum(flags!, other!),
  'where of float32 and int32': ({ flags, floats, ints }) => tf.where(flags!, floats!, ints!),
  'concat of int32 and float32': ({ ints, floats }) => tf.concat([ints!, floats!]),
  'concat of float32 and flags': ({ floats, flags }) => tf.concat([floats!, flags!]),
  'prelu of int32': ({ ints, floats }) => tf.prelu(ints!, floats!),
  'inverted one-hot flags': ({ ids }) => tf.oneHot(ids as tf.Tensor1D, 4, 0, 1, 'bool'),
  'clip of int32 to infinity': ({ ints }) => tf.clipByValue(ints!, 0, Infinity),
  'clip of int32 to fractions': ({ ints }) => tf.clipByValue(ints!, -1.5, 2.5),
  'any of nothing': ({ none }) => tf.any(none!),
  'log1p of small numbers': ({ small }) => tf.mul(tf.log1p(small!), 1e8),
  'expm1 of small numbers': ({ small }) => tf.mul(tf.expm1(small!), 1e8),
  'log1p and expm1 at the ends': () =>
    tf.stack([tf.log1p(tf.tensor1d([-1, Infinity, -0.5, 1e30])), tf.expm1(tf.tensor1d([-200, 200, -Infinity, 60]))]),
  'cross entropy of large logits': ({ logits }) =>
    tf.mul(tf.losses.sigmoidCrossEntropy(tf.onesLike(logits!), logits!, 1, 0, tf.Reduction.NONE), 1e13),
  'ids out of range': ({ floats, ids }) => tf.unsortedSegmentSum(floats!, ids as tf.Tensor1D, 3),
  'batch axes counted from the end': ({ ids, floats }) =>
    tf.gather(tf.reshape(floats!, [2, 2]), tf.abs(tf.reshape(tf.minimum(ids!, tf.scalar(1, 'int32')), [2, 2])) as tf.Tensor2D, 1, -1),
  'range down': () => tf.range(4, -2),
  'range of broken steps': () => tf.range(0, 1, 0.1),
  'range of broken steps of integers': () => tf.range(0, 3, 0.5, 'int32'),
  'no range': () => tf.range(0, 5, -1),
};

const line = String.raw`.* at .*types\.test\.ts:\d+`;
const REFUSED: [string, (t: Named) => tf.Tensor | tf.Tensor[], RegExp][] = [
  ...(['add', 'sub', 'div', 'pow', 'mod', 'floorDiv', 'squaredDifference', 'divNoNan'] as const).map(
    (name): [string, (t: Named) => tf.Tensor, RegExp] => [
      name,
      ({ flags, other }) => tf[name](flags!, other!),
      new RegExp(`of bool${line} cannot be traced`),
    ],
  ),
  ...(['acosh', 'asinh', 'atan', 'expm1', 'log1p', 'reciprocal', 'selu', 'sinh', 'softplus', 'step'] as const).map(
    (name): [string, (t: Named) => tf.Tensor, RegExp] => [
      `${name} of int32`,
      ({ ints }) => tf[name](ints!),
      new RegExp(`of int32${line} cannot be traced.*cast`),
    ],
  ),
  ['neg', ({ flags }) => tf.neg(flags!), /Neg of bool/],
  ['clip', ({ flags }) => tf.clipByValue(flags!, 0, 1), /ClipByValue of bool/],
  ['scatterND', ({ ids, flags }) => tf.scatterND(tf.reshape(ids!, [4, 1]), flags!, [4]), /ScatterNd of bool/],
  ['range of flags', () => tf.range(0, 2, 1, 'bool' as 'int32'), /Range of bool/],
  ['matMul', ({ floats }) => tf.matMul(tf.reshape(floats!, [1, 4]), tf.reshape(floats!, [2, 2])), /inner sizes 4 and 2.*types\.test\.ts/],
  [
    'concat',
    ({ floats }) => tf.concat([tf.reshape(floats!, [1, 4]), tf.reshape(floats!, [2, 2])], 0),
    /Concat at .*along the non-concatenated axis/,
  ],
  ['stack', ({ floats, none }) => tf.stack([floats!, none!]), /Pack at .*must have matching shapes/],
  ['stack of types', ({ floats, ints }) => tf.stack([floats!, ints!]), /Pack of float32 and int32/],
  ['gatherND', ({ floats, ids }) => tf.gatherND(floats!, tf.reshape(ids!, [1, 4])), /GatherNd with indices of 4 axes/],
  ['einsum', ({ floats }) => tf.einsum('i,i->', floats!, tf.reshape(floats!, [2, 2])), /einsum|Einsum/i],
  [
    'segment sum',
    ({ floats, ids }) => tf.unsortedSegmentSum(tf.reshape(floats!, [2, 2]), ids as tf.Tensor1D, 3),
    /segment ids of shape \[4\] do not fit/,
  ],
];

beforeAll(() => tf.setBackend('cpu'));

it('equal tfjs-cpu', async () => {
  const all = (t: Named): Record<string, tf.Tensor> => Object.fromEntries(Object.entries(EQUAL).map(([name, fn]) => [name, fn(t)]));
  const expected = tidy(() =>
    Object.entries(all(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])))).map(
      ([name, value]) => [name, host(value)] as const,
    ),
  );
  const graph = trace(all, { inputs });
  for (const [one, opset] of [
    [graph, 18],
    [optimize(graph), 21],
  ] as const) {
    const results = await run(await session(one, { opset }, 'types'), feeds);
    for (const [name, value] of expected) expect(deviation(results[name]!, value), name).toBeLessThan(2e-5);
  }
});

it.each(REFUSED)('refused: %s', (_label, fn, message) => {
  expect(() => trace((t) => ({ y: [fn(t)].flat()[0]! }), { inputs })).toThrow(
    expect.objectContaining({ code: 'MDIFF_TRACE', message: expect.stringMatching(message) as string }) as Error,
  );
});

it('negative indices are refused when the model runs', async () => {
  const graph = trace(({ floats, ids }) => ({ y: tf.gather(floats!, ids as tf.Tensor1D) }), { inputs });
  await expect(run(await session(graph, {}, 'negative'), feeds)).rejects.toThrow(/out of data bounds/);
  const trusted = await run(await session(graph, { checkIds: false }, 'trusted'), feeds);
  expect([...trusted.y!.data]).toEqual([0.5, 1, 1, -2]);
});
