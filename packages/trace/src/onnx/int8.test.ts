import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { run, session } from '../harness.test.util.js';
import { toOnnx, trace } from '../index.js';
import { toInt8 } from './int8.js';

beforeAll(() => tf.setBackend('cpu'));

const float = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
/** Numbers from −1 to 1 that no pattern repeats. */
const numbers = (count: number, salt: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) * salt));

it('is at most half a step from each weight, and exact for rows of zeros', () => {
  const values = numbers(12, 3);
  values.fill(0, 4, 8);
  const { whole, scales } = toInt8(values, [3, 4], 0);
  values.forEach((value, i) =>
    expect(Math.abs(whole[i]! * scales[Math.floor(i / 4)]! - value)).toBeLessThanOrEqual(scales[Math.floor(i / 4)]! / 2 + 1e-7),
  );
  expect([...whole.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  expect(Math.max(...whole.map(Math.abs))).toBe(64);
});

it.each([false, true])('a product differs by no more than the two roundings allow (transposed: %s)', async (transposed) => {
  const [n, depth, columns] = [3, 40, 5];
  const x = numbers(n * depth, 1);
  const w = numbers(depth * columns, 2);
  const shape = transposed ? [columns, depth] : [depth, columns];
  const graph = trace(({ x: left, w: right }) => ({ y: tf.matMul(left as tf.Tensor2D, right as tf.Tensor2D, false, transposed) }), {
    inputs: { x: float(n, depth), w: float(...shape) },
  });
  const feed = { x: { data: x, shape: [n, depth], dtype: 'float32' as const } };
  const exact = (await run(await session(graph, { initializers: { w } }), feed)).y!.data;
  const rounded = (await run(await session(graph, { initializers: { w }, int8: new Set(['w']) }, 'int8'), feed)).y!.data;
  // 255 steps lie between the least value, at most 0, and the greatest; a value is half a step off, and the zero another half.
  // A weight is half a step off, 64 of which are its column's largest.
  const step = (Math.max(0, ...x) - Math.min(0, ...x)) / 255;
  const { scales } = toInt8(w, shape as [number, number], transposed ? 0 : 1);
  const weight = (k: number, c: number): number => Math.abs(w[transposed ? c * depth + k : k * columns + c]!);
  for (let row = 0; row < n; row++) {
    for (let c = 0; c < columns; c++) {
      let bound = 1e-5;
      for (let k = 0; k < depth; k++) {
        const [dx, dw] = [step, scales[c]! / 2];
        bound += dx * weight(k, c) + dw * Math.abs(x[row * depth + k]!) + dx * dw;
      }
      expect(Math.abs(rounded[row * columns + c]! - exact[row * columns + c]!)).toBeLessThanOrEqual(bound);
    }
  }
  expect([...rounded]).not.toEqual([...exact]);
});

it('a table that is looked up and multiplied by is stored once', async () => {
  const table = numbers(6 * 4, 5);
  const graph = trace(
    ({ ids, table: rows }) => {
      const x = tf.gather(rows as tf.Tensor2D, ids as tf.Tensor1D);
      return { x, y: tf.matMul(x, rows as tf.Tensor2D, false, true) };
    },
    { inputs: { ids: { shape: [2], dtype: 'int32' }, table: float(6, 4) } },
  );
  const { whole, scales } = toInt8(table, [6, 4], 0);
  const results = await run(await session(graph, { initializers: { table }, int8: new Set(['table']) }), {
    ids: { data: Int32Array.of(4, 1), shape: [2], dtype: 'int32' },
  });
  const wanted = [4, 1].flatMap((row) => [...whole.subarray(4 * row, 4 * row + 4)].map((value) => Math.fround(value * scales[row]!)));
  expect([...results.x!.data]).toEqual(wanted);
  expect(results.y!.shape).toEqual([2, 6]);
});

it('refuses a weight that something else reads, or that is no matrix', () => {
  const sum = trace(({ w }) => ({ y: tf.sum(w!) }), { inputs: { w: float(2, 2) } });
  const options = { initializers: { w: new Float32Array(4) }, int8: new Set(['w']) };
  expect(() => toOnnx(sum, options)).toThrow(/'w' cannot be stored in 8 bits, because Sum reads it/);
  const vector = trace(({ w }) => ({ y: tf.square(w!) }), { inputs: { w: float(4) } });
  expect(() => toOnnx(vector, options)).toThrow("'w' has 1 dimensions; only a matrix can be stored in 8 bits");
});
