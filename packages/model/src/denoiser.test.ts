import { stream } from '@mdiff/diffusion';
import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { frame, hidden, hiddenAt, logits } from './denoiser.js';
import { tiny } from './fixture.test.util.js';
import { layout } from './layout.js';
import { bind, initParams } from './params.js';
import { exportedForward, lossAndGrads } from './step.js';
import type { DenoiserConfig } from './types.js';

const configs: DenoiserConfig[] = [
  { ...tiny, init_std: 0.3 },
  { ...tiny, init_std: 0.3, conv_width: 7, pos_encoding: 'learned', norm_type: 'layernorm', activation: 'gelu', use_bias: true },
  { ...tiny, init_std: 0.3, conv_width: 3, pos_encoding: 'sinusoidal', activation: 'relu', tie_embeddings: false },
];
const S = 12;
const rng = stream(5, 'denoiser.test');
const draw = (n: number, below: number) => Array.from({ length: n }, () => rng.int(below));

/** Hidden rows [S, D] of one row of units, all in float32. */
function run(config: DenoiserConfig, ids: number[], segments: number[], causal: number): Float32Array[] {
  return tf.tidy(() => {
    const positions = segments.map((segment, s) => s - segments.indexOf(segment));
    const row = (values: number[]) => tf.tensor2d(values, [1, S], 'int32');
    const params = bind(initParams(config, 3), layout(config));
    const h = hidden(config, params, { ids: row(ids), segments: row(segments), positions: row(positions), causal: tf.tensor1d([causal]) });
    return (h.arraySync() as number[][]).map((values) => Float32Array.from(values));
  });
}

test.each(configs)('a unit never hears of the other units of its row ($pos_encoding, conv $conv_width)', (config) => {
  for (let trial = 0; trial < 6; trial++) {
    const [a, b] = [1 + rng.int(5), 1 + rng.int(5)];
    const segments = Array.from({ length: S }, (_, s) => (s < a ? 1 : s < a + b ? 2 : 0));
    const ids = draw(S, config.vocab_size);
    const other = ids.map((id, s) => (segments[s] === 2 ? id : rng.int(config.vocab_size)));
    const [before, after] = [run(config, ids, segments, trial % 2), run(config, other, segments, trial % 2)];
    segments.forEach((segment, s) => {
      if (segment === 2) expect(after[s], `position ${s}`).toEqual(before[s]); // exactly, not nearly
    });
  }
});

test.each(configs)('a causal row ignores the future, and only a causal one ($pos_encoding, conv $conv_width)', (config) => {
  const segments = new Array<number>(S).fill(1);
  const ids = draw(S, config.vocab_size);
  const at = 7;
  const other = ids.map((id, s) => (s < at ? id : (id + 1) % config.vocab_size));
  const [before, after] = [run(config, ids, segments, 1), run(config, other, segments, 1)];
  expect(after.slice(0, at)).toEqual(before.slice(0, at));
  expect(after.slice(at)).not.toEqual(before.slice(at));
  expect(run(config, other, segments, 0)[0]).not.toEqual(run(config, ids, segments, 0)[0]);
});

test.each(configs)('the exported graph gives the logits of the training network ($pos_encoding, conv $conv_width)', (config) => {
  tf.tidy(() => {
    const params = bind(initParams(config, 3), layout(config));
    const lengths = [12, 7, 4];
    const each = (value: (b: number, s: number) => number) =>
      tf.tensor2d(
        lengths.map((_, b) => Array.from({ length: S }, (_, s) => value(b, s))),
        [3, S],
        'int32',
      );
    const ids = each(() => rng.int(config.vocab_size));
    const mask = each((b, s) => (s < lengths[b]! ? 1 : 0));
    const rows = tf.tensor1d([0, 11, 12, 18, 24, 27], 'int32');
    const { logits: exported } = exportedForward(config)({ ...params, input_ids: ids, attention_mask: mask, rows });
    const h = hidden(config, params, { ids, segments: mask, positions: each((_, s) => s), causal: tf.zeros([3]) });
    const expected = logits(params, tf.gather(h, rows));
    expect(exported!.shape).toEqual([6, config.vocab_size]);
    // The same operations in another order: rounding of float32 at logits of about 3.
    expect(tf.max(tf.abs(tf.sub(exported!, expected))).dataSync()[0]).toBeLessThan(1e-5);
  });
});

test('causal may be one number for all rows, and without it no row is causal', () => {
  const config = configs[0]!;
  tf.tidy(() => {
    const params = bind(initParams(config, 3), layout(config));
    const ids = tf.tensor2d(draw(2 * S, config.vocab_size), [2, S], 'int32');
    const segments = tf.onesLike(ids);
    const rows = tf.range(0, 2 * S, 1, 'int32');
    const h = (causal?: tf.Tensor) =>
      hiddenAt(config, params, frame(config, { ids, segments, ...(causal && { causal }) }), rows).dataSync();
    expect(h(tf.scalar(1))).toEqual(h(tf.ones([2])));
    expect(h(tf.scalar(0))).toEqual(h());
    expect(h(tf.scalar(0))).not.toEqual(h(tf.scalar(1)));
  });
});

test('a training step leaks no tensor', () => {
  const config = configs[1]!;
  const table = layout(config);
  const inputs = {
    ...bind(initParams(config, 3), table),
    ids: tf.tensor2d(draw(2 * S, config.vocab_size), [2, S], 'int32'),
    segments: tf.ones([2, S], 'int32'),
    positions: tf.zeros([2, S], 'int32'),
    causal: tf.tensor1d([0, 1]),
    rows: tf.tensor1d([3, 4], 'int32'),
    targets: tf.tensor1d([5, 6], 'int32'),
    weights: tf.tensor1d([0.5, 0.5]),
  };
  const before = tf.memory().numTensors;
  const outputs = lossAndGrads(config, table)(inputs);
  expect(tf.memory().numTensors - before).toBe(1 + table.params.length);
  tf.dispose([outputs, inputs]);
});

test('a missing weight is named', () => {
  const config = configs[0]!;
  tf.tidy(() => {
    const params = Object.fromEntries(
      Object.entries(bind(initParams(config, 3), layout(config))).filter(([name]) => name !== 'blocks.1.ff.up.weight'),
    );
    const ids = tf.ones([1, S], 'int32');
    expect(() => hidden(config, params, { ids, segments: ids, positions: ids, causal: tf.zeros([1]) })).toThrow(
      'model parameter "blocks.1.ff.up.weight"',
    );
  });
});
