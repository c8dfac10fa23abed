import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { toOnnx, trace } from '../index.js';
import { storedTensors } from './stored.js';

beforeAll(() => tf.setBackend('cpu'));

it('finds the weights of a model in its bytes; another model that points to them does not hold them', () => {
  const shape = { shape: [4], dtype: 'float32' } as const;
  const graph = trace(({ x, v, w }) => ({ y: tf.add(tf.mul(x!, v!), w!) }), { inputs: { x: shape, v: shape, w: shape } });
  const initializers = { v: Float32Array.of(1, 2, 3, 4), w: Float32Array.of(5, 6, 7, 8) };
  const model = toOnnx(graph, { initializers });
  const stored = storedTensors(model, 'model.onnx');
  const values = Object.fromEntries(
    ['v', 'w'].map((name) => {
      const { file, offset, length } = stored.get(name)!;
      return [name, [file, new Float32Array(model.slice(offset, offset + length).buffer)]];
    }),
  );
  expect(values).toEqual({ v: ['model.onnx', initializers.v], w: ['model.onnx', initializers.w] });

  const other = toOnnx(graph, { initializers, stored });
  expect([...storedTensors(other, 'other.onnx').keys()]).toEqual([]);
  expect(new TextDecoder('latin1').decode(other)).toContain('model.onnx');
});
