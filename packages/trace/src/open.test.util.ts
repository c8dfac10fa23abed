import { tf } from './tf.js';
import { Draw } from './draw.test.util.js';
import { host, tensor, tidy, type HostTensor } from './harness.test.util.js';
import { trace, type Graph, type InputSpec } from './index.js';

/** Test-only: functions with symbolic sizes, for every runtime that graphs are lowered to. Sizes are at least 2. */

type Named = Record<string, tf.Tensor>;
interface Open {
  inputs: Record<string, InputSpec>;
  fn: (inputs: Named) => Named;
}

const x: InputSpec = { shape: ['n', 'm'], dtype: 'float32' };
/** Drawn from 0 and 1, so that they can be indices of any axis. */
const ids: InputSpec = { shape: ['k'], dtype: 'int32' };
const pairs: InputSpec = { shape: ['k', 2], dtype: 'int32' };
const of = (input: tf.Tensor): [number, number] => input.shape as [number, number];

export const OPEN: Record<string, Open> = {
  'values made from sizes': {
    inputs: { x },
    fn: ({ x }) => {
      const [n, m] = of(x!);
      return {
        filled: tf.fill([n, 3, m], 1.5),
        flags: tf.fill([n], 1, 'bool'),
        scaled: tf.mul(tf.sum(x!), n * m),
        range: tf.range(0, n),
        whole: tf.range(1, m + 1, 1, 'int32'),
        mean: tf.mean(x!, 0),
      };
    },
  },
  'Reshape to several unknown sizes': {
    inputs: { x },
    fn: ({ x }) => {
      const [n, m] = of(x!);
      const flat = tf.reshape(x!, [n * m]);
      return { flat, swapped: tf.reshape(flat, [m, n]), four: tf.reshape(x!, [1, m, n, 1]), column: tf.reshape(x!, [-1, 1]) };
    },
  },
  'Slice, StridedSlice and Reverse': {
    inputs: { x },
    fn: ({ x }) => {
      const [n, m] = of(x!);
      return {
        tail: tf.slice(x!, [1, 0], [n - 1, m]),
        last: tf.slice(x!, [n - 1, m - 2], [1, 2]),
        doubled: tf.slice(tf.concat([x!, x!], 1), [0, m], [n, m]),
        backwards: tf.stridedSlice(x!, [n - 1, 0], [0, m], [-1, 1]),
        reversed: tf.reverse(x!, 1),
      };
    },
  },
  'PadV2, MirrorPad and Tile': {
    inputs: { x },
    fn: ({ x }) => {
      const [n, m] = of(x!);
      return {
        padded: tf.pad(x!, [[1, 2], [0, m]], 0.5), // prettier-ignore
        mirrored: tf.mirrorPad(x!, [[0, 1], [1, 0]], 'reflect'), // prettier-ignore
        tiled: tf.tile(x!, [2, m]),
        broadcast: tf.broadcastTo(tf.reshape(tf.sum(x!, 0), [1, m]), [n, m]),
      };
    },
  },
  'Concat, SplitV, Pack': {
    inputs: { x },
    fn: ({ x }) => {
      const [n] = of(x!);
      const [head, rest] = tf.split(x!, [1, n - 1], 0) as [tf.Tensor, tf.Tensor];
      return { joined: tf.concat([rest, head, x!], 0), stacked: tf.stack([x!, x!], 1) };
    },
  },
  'gathers and scatters': {
    inputs: { x, ids, pairs },
    fn: ({ x, ids, pairs }) => {
      const [n, m] = of(x!);
      const rows = tf.gather(x!, ids as tf.Tensor1D);
      return {
        rows,
        columns: tf.gather(x!, ids as tf.Tensor1D, 1),
        cells: tf.gatherND(x!, pairs!),
        hot: tf.oneHot(ids as tf.Tensor1D, m),
        added: tf.unsortedSegmentSum(rows, ids as tf.Tensor1D, n),
        scattered: tf.scatterND(pairs!, tf.cast(ids!, 'float32'), [n, m]),
        gradient: tf.grad((x: tf.Tensor) => tf.gather(x, ids as tf.Tensor1D))(x!, tf.square(rows)),
      };
    },
  },
  'updates at an index': {
    inputs: { x },
    fn: ({ x }) => {
      const [, m] = of(x!);
      return { updated: tf.tensorScatterUpdate(x!, tf.fill([1, 1], 1, 'int32'), tf.fill([1, m], 4)) };
    },
  },
  products: {
    inputs: { x, y: { shape: ['b', 'm', 'n'], dtype: 'float32' } },
    fn: ({ x, y }) => {
      const [n, m] = of(x!);
      const loss = (x: tf.Tensor): tf.Tensor => tf.matMul(x, x, true, false);
      return {
        square: tf.matMul(x!, x!, false, true),
        batched: tf.matMul(tf.reshape(x!, [1, n, m]), y!),
        einsum: tf.einsum('nm,bmn->b', x!, y!),
        rows: tf.matMul(x!, tf.ones([m, 1])),
        columns: tf.matMul(tf.fill([1, n], 0.5), x!),
        gradient: tf.grad(loss)(x!, tf.ones([m, m])),
      };
    },
  },
  'along an axis': {
    inputs: { x },
    fn: ({ x }) => ({
      softmax: tf.softmax(x!),
      sum: tf.cumsum(x!, 0),
      top: tf.topk(x!, 2).values,
      most: tf.argMax(x!, 1),
      any: tf.any(tf.greater(x!, 0), 1),
      gradient: tf.grad((x: tf.Tensor) => tf.mean(tf.softmax(x)))(x!),
    }),
  },
};

/** The graph of a case, which is the same at every size. */
export const openGraph = (label: string): Graph => trace(OPEN[label]!.fn, { inputs: OPEN[label]!.inputs });

/** Inputs drawn from `seed` at these sizes, and the results of tfjs-cpu. */
export function openExample(
  label: string,
  sizes: Record<string, number>,
  seed: number,
): Record<'feeds' | 'expected', Record<string, HostTensor>> {
  const draw = new Draw(seed);
  const feeds = Object.fromEntries(
    Object.entries(OPEN[label]!.inputs).map(([name, { shape, dtype }]) => {
      const actual = shape.map((dim) => (typeof dim === 'string' ? sizes[dim]! : dim));
      return [name, dtype === 'int32' ? draw.ints(actual, 0, 1) : draw.float(actual)];
    }),
  );
  const expected = tidy(() =>
    Object.fromEntries(
      Object.entries(OPEN[label]!.fn(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])))).map(
        ([name, value]) => [name, host(value)],
      ),
    ),
  );
  return { feeds, expected };
}

export const OPEN_SIZES = [
  { n: 2, m: 2, k: 2, b: 2 },
  { n: 7, m: 3, k: 5, b: 2 },
  { n: 3, m: 17, k: 4, b: 6 },
];
