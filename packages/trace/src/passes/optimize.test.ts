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
    const shorter = optimize(reassociate(graph), { reorder: true });
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

describe('the ends of float32', () => {
  const vector = { shape: [4], dtype: 'float32' } as const;
  const numbers = (...values: number[]) => tf.tensor1d(values);
  const tiny = [1e-30, 2e-30, 0, 1];
  const wide = [Infinity, -Infinity, NaN, -0];

  it.each<[string, (inputs: Record<'x' | 'y' | 'z', tf.Tensor>) => tf.Tensor, number[], number[]?]>([
    ['two large numbers', ({ x }) => tf.mul(tf.mul(x, 1e30), 1e30), tiny],
    ['two small numbers', ({ x }) => tf.mul(tf.mul(x, 1e-30), 1e-30), [1e30, 2e30, 0, 1]],
    ['small numbers round a factor', ({ x, y }) => tf.mul(tf.mul(tf.mul(x, 1e-30), y), 1e-30), [1e30, 2e30, 0, 1]],
    ['a large and a small number', ({ x }) => tf.mul(tf.mul(x, 1e30), 1e-30), [1e20, 1e30, 1, -1e20]],
    [
      'a common factor of a sum that overflows',
      ({ x, y, z }) => tf.add(tf.mul(x, tf.mul(y, 2)), tf.mul(x, tf.mul(z, 2))),
      tiny,
      [1e38, 1, 1, 1],
    ],
    ['roots', ({ x }) => tf.pow(x, 0.5), wide],
    ['a sum with 0', ({ x }) => tf.div(1, tf.add(x, 0)), wide],
    ['a sum with −0', ({ x }) => tf.div(1, tf.add(tf.scalar(-0), x)), wide],
    ['a difference of 0', ({ x }) => tf.div(1, tf.sub(x, 0)), wide],
    ['factors 0 and 1', ({ x }) => tf.mul(tf.mul(tf.mul(x, 1), 0), 2), wide],
    ['folded numbers', ({ x }) => tf.mul(x, tf.cast(tf.fill([4], NaN), 'int32')), tiny],
  ])('%s', (_label, fn, x, y = [1, 2, 3, 4]) => {
    const graph = trace(fn, { inputs: { x: vector, y: vector, z: vector } });
    const feeds = { x: numbers(...x), y: numbers(...y), z: numbers(...y) };
    const [raw, optimized] = [graph, optimize(graph)].map((one) =>
      Array.from(tidy(() => interpret(one, feeds).outputs.output!.dataSync())),
    );
    expect(optimized!.map((value) => Math.sign(value) * (Number.isFinite(value) && value !== 0 ? 1 : value))).toEqual(
      raw!.map((value) => Math.sign(value) * (Number.isFinite(value) && value !== 0 ? 1 : value)),
    );
    expect(optimized!.every((value, i) => Object.is(value, raw![i]) || Math.abs(value - raw![i]!) <= 1e-6 * Math.abs(value))).toBe(true);
    tf.dispose(feeds);
  });

  it('are where reordered constants stop as well, and a long chain takes a time that is linear in its length', () => {
    const large = record(({ x }) => tf.mul(tf.mul(x, 1e30), 1e30));
    expect(kernels(optimize(large, { reorder: true }))).toEqual(['Multiply', 'Multiply']);
    const chain = record(({ x }) => Array.from({ length: 1000 }).reduce<tf.Tensor>((y) => tf.mul(y, x), x));
    const start = process.cpuUsage().user;
    for (const reorder of [true, false]) expect(optimize(chain, { reorder }).nodes).toHaveLength(1000);
    expect(process.cpuUsage(undefined).user - start).toBeLessThan(5e6);
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
