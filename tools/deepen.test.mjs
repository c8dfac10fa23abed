import { expect, test } from 'vitest';
import { bind, frame, hiddenAt, initParams, layout, logits, tf } from '../packages/model/src/index.ts';
import { tiny } from '../packages/model/src/fixture.test.util.ts';
import { deepened, expansion } from './deepen.mjs';

test('copies are spread evenly, where they are few over the upper blocks', () => {
  const names = (from, to) => expansion(from, to).map(({ block, copy }) => `${block}${copy ? '+' : ''}`);
  expect(names(4, 7)).toEqual(['0', '1', '1+', '2', '2+', '3', '3+']);
  expect(names(4, 8)).toEqual(['0', '0+', '1', '1+', '2', '2+', '3', '3+']);
  expect(names(2, 7)).toEqual(['0', '0+', '0+', '1', '1+', '1+', '1+']);
});

test.each([
  ['swiglu', {}],
  ['biases and layer norms', { use_bias: true, norm_type: 'layernorm', activation: 'gelu' }],
])('the deeper network gives the logits of the old one to the bit (%s)', (_, keys) => {
  const config = { ...tiny, init_std: 0.3, ...keys };
  const deep = { ...config, n_layers: 5 };
  const specs = layout(config);
  const values = initParams(config, 3);
  const tensors = new Map(
    specs.params.map(({ name, shape, offset, size }) => [name, { name, shape, data: values.slice(offset, offset + size) }]),
  );
  const flat = new Float32Array(layout(deep).total);
  const found = new Map(deepened(tensors, config.n_layers, deep.n_layers).map((tensor) => [tensor.name, tensor]));
  for (const { name, offset } of layout(deep).params) flat.set(found.get(name).data, offset);
  expect(found.size).toBe(layout(deep).params.length);
  tf.tidy(() => {
    const ids = tf.tensor2d([[4, 9, 30, 2, 7, 11]], [1, 6], 'int32');
    const of = (config, flat) => {
      const params = bind(flat, layout(config));
      const pass = frame(config, { ids, segments: tf.onesLike(ids), causal: tf.scalar(0) });
      return [...logits(params, hiddenAt(config, params, pass, tf.range(0, 6, 1, 'int32'))).dataSync()];
    };
    expect(of(deep, flat)).toEqual(of(config, values));
  });
});
