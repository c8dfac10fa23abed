import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { Draw } from '../draw.test.util.js';
import { deviation, host, run, session, tensor, tidy } from '../harness.test.util.js';
import { trace } from '../index.js';

type Fn = (x: tf.Tensor) => tf.Tensor;
const KERNELS = ['Sum', 'Mean', 'Tile'];

beforeAll(() => tf.setBackend('cpu'));

it.each<[string, Fn]>([
  ['a mean and a sum', (x) => tf.add(tf.mean(tf.square(x), -1), tf.sum(tf.mul(x, x), [2]))],
  ['all of it', (x) => tf.mul(tf.mean(x), tf.sum(tf.square(x)))],
  ['a tile along open and fixed axes', (x) => tf.mul(tf.tile(tf.mean(x, 0, true), [x.shape[0]!, 2, 3]), tf.tile(x, [1, 2, 3]))],
])('the gradient of %s at three open sizes', async (_label, fn) => {
  // Ones of this shape would have 4099 · 4111 · 4127 elements.
  const gradient = (x: tf.Tensor): tf.Tensor => tf.grad((one) => tf.sum(tf.sin(fn(one))))(x);
  const graph = trace(({ x }) => gradient(x!), { inputs: { x: { shape: ['n', 'h', 'w'], dtype: 'float32' } } });
  const model = await session(graph, {}, 'open gradient');
  for (const shape of [
    [2, 3, 4],
    [1, 1, 2],
    [3, 5, 1],
  ]) {
    // prettier-ignore
    const x = new Draw(3).float(shape);
    expect(
      deviation(
        (await run(model, { x })).output!,
        tidy(() => host(gradient(tensor(x)))),
      ),
    ).toBeLessThan(1e-5);
  }
});

it('a gradient that the program registered stays, and TensorFlow.js has its own again after a trace', () => {
  const theirs = KERNELS.map((kernel) => tf.getGradient(kernel));
  const nodes = (): string[] => trace(({ x }) => tf.grad((one: tf.Tensor) => tf.sum(one))(x), { inputs: { x: { shape: [2], dtype: 'float32' } } }).nodes.map(({ kernel }) => kernel); // prettier-ignore
  expect(nodes()).not.toContain('Neg');
  tf.registerGradient({ kernelName: 'Sum', gradFunc: (dy) => ({ x: () => tf.neg(tf.tile(tf.reshape(dy as tf.Tensor, [1]), [2])) }) });
  try {
    expect(nodes()).toContain('Neg');
  } finally {
    tf.registerGradient(theirs[0]!);
  }
  expect(KERNELS.map((kernel) => tf.getGradient(kernel))).toEqual(theirs);
  expect(nodes()).not.toContain('Neg');
});
