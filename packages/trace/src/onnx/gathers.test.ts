import { tf } from '../tf.js';
import { expect, it } from 'vitest';
import { session, run } from '../harness.test.util.js';
import { toOnnx, trace } from '../index.js';

// For ONNX Runtime on a processor: sums of rows that are computed on top of another value.

const input = (dtype: 'float32' | 'int32', ...shape: (number | string)[]) => ({ shape, dtype });
const inputs = { x: input('float32', 'n', 2), ids: input('int32', 'n'), y: input('float32', 3, 2) };
const sum = (x: tf.Tensor, ids: tf.Tensor) => tf.unsortedSegmentSum(x as tf.Tensor2D, ids as tf.Tensor1D, 3);
const feeds = {
  x: { shape: [4, 2], dtype: 'float32' as const, data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  ids: { shape: [4], dtype: 'int32' as const, data: Int32Array.of(2, 0, 2, 2) },
  y: { shape: [3, 2], dtype: 'float32' as const, data: Float32Array.of(10, 20, 30, 40, 50, 60) },
};
const added = [13, 24, 30, 40, 63, 76];
const text = (graph: ReturnType<typeof trace>, contrib: boolean): string => Buffer.from(toOnnx(graph, { contrib })).toString('latin1');

it.each([
  ['sum + y', ({ x, ids, y }: Record<string, tf.Tensor>) => ({ out: tf.add(sum(x!, ids!), y!) })],
  ['y + sum', ({ x, ids, y }: Record<string, tf.Tensor>) => ({ out: tf.add(y!, sum(x!, ids!)) })],
] as const)('%s is one scatter: nothing filled with zeros, nothing added', async (_, fn) => {
  const graph = trace(fn, { inputs });
  expect(text(graph, true)).not.toMatch(/ConstantOfShape/);
  expect(text(graph, false)).toMatch(/ConstantOfShape/);
  for (const contrib of [true, false]) expect([...(await run(await session(graph, { contrib }), feeds)).out!.data]).toEqual(added);
});

it('stays two steps where something else reads the sum, and where shapes differ', async () => {
  const both = trace(
    ({ x, ids, y }) => {
      const s = sum(x!, ids!);
      return { out: tf.add(s, y!), s };
    },
    { inputs },
  );
  const results = await run(await session(both, { contrib: true }), feeds);
  expect([...results.out!.data]).toEqual(added);
  expect([...results.s!.data]).toEqual([3, 4, 0, 0, 13, 16]);
  const row = trace(({ x, ids, y }) => ({ out: tf.add(sum(x!, ids!), tf.slice(y as tf.Tensor2D, [0, 0], [1, 2])) }), { inputs });
  expect([...(await run(await session(row, { contrib: true }), feeds)).out!.data]).toEqual([13, 24, 10, 20, 23, 36]);
});
