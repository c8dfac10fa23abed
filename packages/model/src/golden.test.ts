import { tf } from './tf.js';
import { describe, expect, test } from 'vitest';
import { fast, hidden, logits, plain } from './denoiser.js';
import './fixture.test.util.js';
import { golden, noise } from './golden.test.util.js';
import { layout } from './layout.js';
import type { ParamLayout } from './layout.js';
import { bind } from './params.js';
import { dropoutShapes, lossAndGrads, positionLosses } from './step.js';
import type { DenoiserConfig } from './types.js';

interface Index {
  batch: Record<'B' | 'S', number> & Record<'causal' | 'ids' | 'segments' | 'positions' | 'rows' | 'targets' | 'weights', number[]>;
  cases: {
    config: DenoiserConfig & { label_smoothing: number };
    loss: number;
    shapes: Record<string, number[]>;
    logits: [number, number];
  }[];
}

const { index, next } = golden<Index>('denoiser');
const { B, S } = index.batch;
const cases = index.cases.map((given) => {
  const [M, V] = given.logits;
  const table = layout(given.config);
  return { ...given, layout: table, logits: next(M * V), grads: table.params.map(({ size }) => next(size)) };
});

const int = (values: number[], ...shape: number[]) => tf.tensor(values, shape, 'int32');

function inputsOf(config: DenoiserConfig, table: ParamLayout): Record<string, tf.Tensor> {
  const { batch } = index;
  const drawn = noise(table.total, 1);
  const flat = new Float32Array(table.total);
  for (const { name, offset, size } of table.params) {
    const gain = /norm\.weight$/.test(name) ? 1 : 0;
    for (let i = offset; i < offset + size; i++) flat[i] = 0.3 * drawn[i]! + gain;
  }
  let salt = 100;
  const masks = Object.entries(dropoutShapes(config, B, S)).map(([name, shape]): [string, tf.Tensor] => {
    const p = name.startsWith('attention') ? config.attention_dropout : config.dropout;
    const values = noise(
      shape.reduce((a, b) => a * b, 1),
      ++salt,
    ).map((x) => (x >= 2 * p - 1 ? 1 / (1 - p) : 0));
    return [name, tf.tensor(Float32Array.from(values), [...shape])];
  });
  return {
    ...bind(flat, table),
    ...Object.fromEntries(masks),
    ids: int(batch.ids, B, S),
    segments: int(batch.segments, B, S),
    positions: int(batch.positions, B, S),
    causal: tf.tensor1d(batch.causal, 'float32'),
    rows: int(batch.rows, batch.rows.length),
    targets: int(batch.targets, batch.targets.length),
    weights: tf.tensor1d(batch.weights),
  };
}

/** Largest deviation, as a share of the largest value expected. */
function deviation(got: tf.Tensor, expected: Float32Array): number {
  const values = got.dataSync();
  expect(values.length).toBe(expected.length);
  let worst = 0;
  let largest = 0.01; // a gradient that is exactly zero (the key's bias cancels in the softmax) has only rounding noise to compare
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(values[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return worst / largest;
}

// float32 against float64: a value passes some 80 roundings of up to 2⁻²⁴ (6e-8) on its way through two layers and back, 5e-6 if all add up.
const TOLERANCE = 5e-6;

const title = ({
  activation,
  norm_type,
  pos_encoding,
  use_bias,
  tie_embeddings,
  conv_width,
  dropout,
  attention_dropout,
  label_smoothing,
}: DenoiserConfig & { label_smoothing: number }) =>
  [
    activation,
    norm_type,
    pos_encoding,
    use_bias && 'bias',
    tie_embeddings ? 'tied' : 'untied',
    `conv ${conv_width}`,
    dropout && 'dropout',
    attention_dropout && 'attention dropout',
    label_smoothing && 'smoothing',
  ]
    .filter(Boolean)
    .join(', ');

describe.each(cases.map((given) => [title(given.config), given] as const))(
  '%s',
  (_, { config, loss, shapes, layout: table, logits: expected, grads }) => {
    test('the layout has the parameters of the reference', () => {
      expect(Object.fromEntries(table.params.map(({ name, shape }) => [name, shape]))).toEqual(shapes);
    });

    test('logits equal PyTorch', () => {
      tf.tidy(() => {
        const inputs = inputsOf(config, table);
        const masks = Object.fromEntries(Object.keys(dropoutShapes(config, B, S)).map((name) => [name, inputs[name]!]));
        const { ids, segments, positions, causal, rows } = inputs as Record<
          'ids' | 'segments' | 'positions' | 'causal' | 'rows',
          tf.Tensor
        >;
        const h = tf.gather(hidden(config, inputs, { ids, segments, positions, causal, masks }), rows as tf.Tensor1D);
        expect(deviation(logits(inputs, h), expected)).toBeLessThan(TOLERANCE);
      });
    });

    test.each(Object.entries({ fast, plain }))('loss and gradients equal PyTorch with the %s ops', (_, ops) => {
      tf.tidy(() => {
        const out = lossAndGrads(config, table, { labelSmoothing: config.label_smoothing, ops })(inputsOf(config, table));
        expect(deviation(out.loss!, Float32Array.of(loss))).toBeLessThan(TOLERANCE);
        for (const [i, { name }] of table.params.entries())
          expect(deviation(out[`grad.${name}`]!, grads[i]!), name).toBeLessThan(TOLERANCE);
      });
    });

    test('recomputing blocks changes no bit', () => {
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const options = { labelSmoothing: config.label_smoothing };
        const inputs = inputsOf(config, table);
        const expected = lossAndGrads(config, table, options)(inputs);
        const got = lossAndGrads(config, table, { ...options, checkpointing: true })({ ...inputs, zero: tf.scalar(0) });
        expect(Object.keys(got)).toEqual(Object.keys(expected));
        for (const [name, tensor] of Object.entries(expected)) expect(got[name]!.dataSync(), name).toEqual(tensor.dataSync());
      });
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);

const bare = cases.filter(({ config }) => config.label_smoothing + config.dropout + config.attention_dropout === 0);

test.each(bare.map((given) => [title(given.config), given] as const))(
  'row losses are the terms of the loss: %s',
  (_, { config, loss, layout: table }) => {
    tf.tidy(() => {
      const inputs = inputsOf(config, table);
      const { ce } = positionLosses(config, table)(inputs);
      expect(deviation(ce!.mul(inputs.weights!).sum(), Float32Array.of(loss))).toBeLessThan(TOLERANCE);
    });
  },
);

test('the cases cover every pair of choices that matter together', () => {
  const seen = (a: keyof DenoiserConfig, b: keyof DenoiserConfig) => new Set(cases.map(({ config }) => `${config[a]}/${config[b]}`)).size;
  expect(seen('activation', 'norm_type')).toBe(6);
  expect(seen('activation', 'use_bias')).toBe(6);
  expect(seen('pos_encoding', 'conv_width')).toBe(12);
  expect(seen('tie_embeddings', 'pos_encoding')).toBe(6);
  expect(seen('dropout', 'attention_dropout')).toBe(4);
});
