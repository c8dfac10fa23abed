import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { tiny } from './fixture.test.util.js';
import { layout } from './layout.js';
import { bind, initParams } from './params.js';

const config = { ...tiny, d_model: 24, d_ff: 40, n_layers: 3, vocab_size: 100, use_bias: true, norm_type: 'layernorm' } as const;
const { params } = layout(config);
const piece = (flat: Float32Array, name: string) => {
  const { offset, size } = params.find((spec) => spec.name === name)!;
  return flat.subarray(offset, offset + size);
};
const std = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

test('initial values follow the table', () => {
  const flat = initParams(config, 7);
  for (const { name, kind, size } of params) {
    const values = piece(flat, name);
    if (kind === 'norm')
      expect(
        values.every((x) => x === (name.endsWith('weight') ? 1 : 0)),
        name,
      ).toBe(true);
    else if (kind === 'bias')
      expect(
        values.every((x) => x === 0),
        name,
      ).toBe(true);
    else {
      const expected = /(attn\.o|ff\.down)\.weight$/.test(name) ? 0.02 / Math.sqrt(6) : 0.02;
      // The standard error of a standard deviation is σ/√(2n): five of them.
      expect(Math.abs(std(values) - expected), name).toBeLessThan((5 * expected) / Math.sqrt(2 * size));
    }
  }
});

test('the seed decides, and each tensor has its own stream', () => {
  expect(initParams(config, 7)).toEqual(initParams(config, 7));
  expect(initParams(config, 7)).not.toEqual(initParams(config, 8));
  const untied = { ...config, tie_embeddings: false };
  const more = initParams(untied, 7);
  expect(more.subarray(0, layout(config).total)).toEqual(initParams(config, 7));
});

test('bind names the pieces and refuses a buffer of another model', () => {
  const flat = initParams(config, 7);
  const bound = bind(flat, layout(config));
  for (const { name, shape } of params) {
    expect(bound[name]!.shape).toEqual(shape);
    expect(bound[name]!.dataSync()).toEqual(piece(flat, name));
  }
  tf.dispose(Object.values(bound));
  expect(() => bind(flat.subarray(1), layout(config))).toThrow(/expected \d+ numbers, got \d+/);
});
