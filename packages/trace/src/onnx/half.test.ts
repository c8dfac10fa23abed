import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { run, session } from '../harness.test.util.js';
import { toOnnx, trace } from '../index.js';

beforeAll(() => tf.setBackend('cpu'));

it('weights in 16 bits are cast to float32 by the model: the product is that of the 16-bit values', async () => {
  const shape = { shape: [2, 2], dtype: 'float32' } as const;
  const graph = trace(({ x, w }) => ({ y: tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D) }), { inputs: { x: shape, w: shape } });
  // 1, -2, 0.5 and 0.0999755859375, the float16 next to 0.1.
  const half = { w: Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x2e66) };
  const { y } = await run(await session(graph, { half }, 'half'), {
    x: { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2], dtype: 'float32' },
  });
  expect([...y!.data]).toEqual([1, -2, 0.5, 0.0999755859375]);
  expect(() => toOnnx(graph, { half: { w: Uint16Array.of(1) } })).toThrow("initializer 'w' has 1 elements; expected 4");
});
