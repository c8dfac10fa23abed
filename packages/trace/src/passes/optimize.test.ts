import { tf } from '../tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { deviation, host, session, tidy, run } from '../harness.test.util.js';
import { interpret, optimize, trace, type Graph } from '../index.js';
import { sinkBroadcasts } from './broadcast.js';
import { cleanUp } from './clean.js';
import { foldConstants } from './fold.js';
import { reassociate } from './reassociate.js';
import { prune } from './rewrite.js';
import { shareCommon } from './share.js';

const kernels = (graph: Graph): string[] => graph.nodes.map((node) => node.kernel);
const matrix = { x: { shape: [4, 6], dtype: 'float32' } } as const;
type X = Record<'x', tf.Tensor>;
const record = (fn: (inputs: X) => tf.Tensor | Record<string, tf.Tensor>): Graph => trace(fn, { inputs: matrix });

/** Both graphs give the same numbers, bit by bit unless a tolerance is given. */
function agree(a: Graph, b: Graph, tolerance = 0): void {
  const worst = tidy(() => {
    const x = tf.tensor2d(
      Array.from({ length: 24 }, (_, i) => Math.sin(i * 12.9898) * 2),
      [4, 6],
    );
    const [first, second] = [a, b].map((graph) => interpret(graph, { x }).outputs) as [
      Record<string, tf.Tensor>,
      Record<string, tf.Tensor>,
    ];
    return Math.max(...Object.keys(first).map((name) => deviation(host(second[name]!), host(first[name]!))));
  });
  expect(worst).toBeLessThanOrEqual(tolerance);
}

beforeAll(() => tf.setBackend('cpu'));

describe('prune', () => {
  it('drops what no output needs and keeps inputs', () => {
    const graph = record(({ x }) => {
      tf.exp(tf.sin(x));
      return tf.cos(x);
    });
    expect(kernels(graph)).toEqual(['Sin', 'Exp', 'Cos']);
    const pruned = prune(graph);
    expect(kernels(pruned)).toEqual(['Cos']);
    expect(Object.keys(pruned.values)).toHaveLength(2);
    expect(prune(pruned)).toBe(pruned);
    expect(prune(record(() => tf.zeros([2]))).inputs).toHaveLength(1);
  });
});

describe('foldConstants', () => {
  it('computes what depends on constants only', () => {
    const graph = record(({ x }) => tf.mul(x, tf.sum(tf.square(tf.range(0, 6)))));
    const folded = prune(foldConstants(graph));
    expect(kernels(folded)).toEqual(['Multiply']);
    expect(Object.values(folded.constants)).toEqual([Float32Array.of(55)]);
    agree(graph, folded);
  });

  it('leaves large results and large fills alone', () => {
    expect(kernels(foldConstants(record(() => tf.exp(tf.range(0, 70000)))))).toEqual(['Range', 'Exp']);
    expect(kernels(foldConstants(record(() => tf.zeros([300, 300]))))).toEqual(['Fill']);
  });

  it('gives back the backend and all tensors', () => {
    const before = tf.memory();
    foldConstants(record(({ x }) => tf.add(x, tf.linspace(0, 1, 6))));
    expect(tf.memory()).toEqual(before);
    expect(tf.getBackend()).toBe('cpu');
  });
});

describe('shareCommon', () => {
  it('computes equal expressions once, in either order of a commutative kernel', () => {
    const graph = record(({ x }) => tf.add(tf.mul(tf.exp(x), tf.mul(x, 2)), tf.mul(tf.mul(x, 2), tf.exp(x))));
    const shared = shareCommon(graph);
    expect(kernels(shared).sort()).toEqual(['Add', 'Exp', 'Multiply', 'Multiply']);
    agree(graph, shared);
  });

  it('keeps apart what differs in an attribute, a type or a sign of zero', () => {
    const graph = record(({ x }) => ({
      a: tf.sum(x, 0),
      b: tf.sum(x, 1),
      c: tf.div(1, tf.scalar(0)),
      d: tf.div(1, tf.scalar(-0)),
      e: tf.add(x, 1),
      f: tf.fill([2, 2], NaN),
      g: tf.fill([2, 2], Infinity),
    }));
    const shared = shareCommon(graph);
    expect(kernels(shared)).toEqual(kernels(graph));
    agree(graph, shared);
  });
});

describe('cleanUp', () => {
  it.each<[string, (inputs: X) => tf.Tensor, string[]]>([
    ['neutral operands', ({ x }) => tf.div(tf.mul(tf.sub(tf.add(x, 0), 0), 1), 1), []],
    ['neutral operands that widen', ({ x }) => tf.mul(tf.sum(x, 1, true), tf.ones([4, 6])), ['Sum', 'Tile']],
    ['powers', ({ x }) => tf.pow(tf.pow(tf.abs(x), 2), 0.5), ['Abs', 'Square', 'Sqrt']],
    ['numbers in a row', ({ x }) => tf.mul(tf.mul(x, 2), 4), ['Multiply']],
    ['double negation', ({ x }) => tf.neg(tf.neg(x)), []],
    ['casts', ({ x }) => tf.cast(tf.cast(tf.cast(tf.greater(x, 0), 'int32'), 'float32'), 'bool'), ['Greater']],
    ['reshapes', ({ x }) => tf.reshape(tf.expandDims(tf.reshape(x, [24]), 0), [4, 6]), []],
    ['transposes', ({ x }) => tf.transpose(tf.transpose(x)), []],
    ['transposes that move nothing', ({ x }) => tf.transpose(tf.reshape(x, [4, 1, 6]), [1, 0, 2]), ['Reshape']],
    ['transposes before products', ({ x }) => tf.matMul(tf.transpose(x as tf.Tensor2D), x as tf.Tensor2D), ['BatchMatMul']],
    ['slices', ({ x }) => tf.slice(tf.slice(tf.slice(x, 0), [1, 1], [3, 4]), [1, 0], [2, 2]), ['Slice']],
    ['sums of one', ({ x }) => tf.sum(tf.reshape(x, [4, 1, 6]), 1), []],
    ['sums of two', ({ x }) => tf.addN([x, x]), ['Add']],
    ['single pieces', ({ x }) => tf.concat([tf.split(x, 1, 0)[0]!], 0), []],
    [
      'empty padding',
      ({ x }) =>
        tf.pad(x as tf.Tensor2D, [
          [0, 0],
          [0, 0],
        ]),
      [],
    ],
    ['tiles of fills', ({ x }) => tf.add(x, tf.tile(tf.fill([1, 6], 3), [4, 1])), ['Fill', 'Add']],
  ])('%s', (_label, fn, expected) => {
    const graph = record(fn);
    let cleaned = graph;
    for (let i = 0; i < 4; i++) cleaned = prune(cleanUp(cleaned));
    expect(kernels(cleaned)).toEqual(expected);
    agree(graph, cleaned);
  });

  it('keeps a cast that loses digits', () => {
    const graph = record(({ x }) => tf.cast(tf.cast(x, 'int32'), 'float32'));
    expect(kernels(cleanUp(graph))).toEqual(['Cast', 'Cast']);
  });

  it('turns a moved transpose into a flag, twice is none', () => {
    const product = prune(
      cleanUp(record(({ x }) => tf.matMul(tf.transpose(x) as tf.Tensor2D, tf.transpose(x) as tf.Tensor2D, true, false))),
    );
    expect(product.nodes.map((node) => node.attrs)).toEqual([{ transposeA: false, transposeB: true }]);
  });
});

describe('sinkBroadcasts', () => {
  it('lets elementwise kernels broadcast', () => {
    const graph = record(({ x }) => tf.add(x, tf.tile(tf.sum(x, 1, true), [1, 6])));
    const sunk = prune(sinkBroadcasts(graph));
    expect(kernels(sunk)).toEqual(['Sum', 'Add']);
    agree(graph, sunk);
  });

  it('repeats the result when all operands are repeated', () => {
    const graph = record(({ x }) => tf.exp(tf.div(tf.tile(tf.sum(x, 1, true), [1, 6]), tf.fill([4, 6], 3))));
    const sunk = prune(sinkBroadcasts(graph));
    expect(kernels(sunk)).toEqual(['Sum', 'RealDiv', 'Exp', 'Tile']);
    agree(graph, sunk);
  });
});

describe('reassociate', () => {
  // Products of up to six float32 factors, rounded in another order.
  const rounding = 1e-6;

  it.each<[string, (inputs: X) => tf.Tensor, string[]]>([
    ['gathers the numbers of a product', ({ x }) => tf.mul(tf.mul(tf.mul(tf.exp(x), 3), tf.neg(x)), 5), ['Exp', 'Multiply', 'Multiply']],
    [
      'multiplies the smallest factor by them',
      ({ x }) => tf.mul(tf.mul(x, 2), tf.exp(tf.slice(x as tf.Tensor2D, [0, 0], [4, 1]))),
      ['Slice', 'Exp', 'Multiply', 'Multiply'],
    ],
    [
      'takes out a common factor',
      ({ x }) => tf.add(tf.mul(tf.sin(x), x), tf.mul(tf.mul(tf.sin(x), 0.5), tf.mul(x, tf.cos(x)))),
      ['Sin', 'Cos', 'Multiply', 'Add', 'Multiply', 'Multiply'],
    ],
  ])('%s', (_label, fn, expected) => {
    const graph = shareCommon(record(fn));
    const shorter = optimize(reassociate(graph));
    expect(kernels(shorter).sort()).toEqual(expected.sort());
    agree(graph, shorter, rounding);
  });

  it('leaves a product alone that is read elsewhere, and one that would overflow', () => {
    const used = record(({ x }) => {
      const y = tf.mul(x, 2);
      return { a: tf.mul(y, 3), y };
    });
    expect(reassociate(used)).toBe(used);
    const large = record(({ x }) => tf.mul(tf.mul(tf.mul(x, 1e30), tf.exp(x)), 1e30));
    expect(kernels(reassociate(large))).toEqual(kernels(large));
  });
});

describe('optimize', () => {
  it('shortens a gradient to what one would write by hand, with the same numbers', async () => {
    const f = ({ x }: X): Record<string, tf.Tensor> => {
      const g = tf.grad((y: tf.Tensor) => tf.sum(tf.mul(y, tf.rsqrt(tf.add(tf.mean(tf.square(y), -1, true), 1e-6)))));
      return { g: g(x) };
    };
    const graph = record(f);
    const optimized = optimize(graph);
    expect(optimized.nodes.length).toBeLessThan(graph.nodes.length * 0.75);
    expect(kernels(optimized)).not.toContain('Tile');
    expect(kernels(optimized)).not.toContain('Fill');
    // Scalars are multiplied in another order.
    agree(graph, optimized, 1e-6);
    expect(optimize(optimized).nodes).toEqual(optimized.nodes);
    const x = tidy(() => host(tf.linspace(-2, 3, 24).reshape([4, 6])));
    const results = await run(await session(optimized, {}, 'norm-gradient'), { x });
    expect(
      deviation(
        results.g!,
        tidy(() => host(f({ x: tf.tensor(x.data, x.shape) }).g!)),
      ),
    ).toBeLessThan(1e-6);
  });
});
