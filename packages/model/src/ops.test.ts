import { stream } from '@mdiff/diffusion';
import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { pairBias, rotation } from './attention.js';
import { taps } from './conv.js';
import { fast, plain } from './denoiser.js';
import type { Ops } from './denoiser.js';
import './fixture.test.util.js';

// Each hand-written gradient against automatic differentiation, on random values and shapes.

const rng = stream(11, 'ops.test');
const random = (...shape: number[]) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    shape,
  );
const int = (below: number, ...shape: number[]) =>
  tf.tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.int(below)),
    shape,
    'int32',
  );
const size = (least: number, most: number) => least + rng.int(most - least + 1);

/** The arguments to differentiate by, and the op with all others bound. */
type Case = (ops: Ops) => tf.Tensor;
type Draw = () => { xs: tf.Tensor[]; run: (xs: tf.Tensor[]) => Case };

const attention =
  (dropout: boolean): Draw =>
  () => {
    const [B, H, S, K] = [size(1, 3), size(1, 3), size(2, 7), 2 * size(1, 4)];
    const segments = tf.tensor2d(
      Array.from({ length: B }, () => Array.from({ length: S }, (_, s) => (s < S / 2 ? 1 : 2))),
      [B, S],
      'int32',
    );
    const bias = pairBias(segments, tf.tensor1d(Array.from({ length: B }, () => rng.int(2))));
    const mask = dropout ? tf.mul(tf.cast(int(2, B, H, S, S), 'float32'), 2) : undefined;
    return {
      xs: [random(B, H, S, K), random(B, H, S, K), random(B, H, S, K)],
      run:
        ([q, k, v]) =>
        (ops) =>
          ops.attend(q!, k!, v!, bias, mask),
    };
  };

const entropy =
  (smoothing: number): Draw =>
  () => {
    const [M, V, D] = [size(1, 6), size(6, 20), size(2, 8)];
    const targets = tf.add(int(V - 1, M), tf.scalar(1, 'int32'));
    const weights = tf.abs(random(M));
    // The target rows are gathered from the head, as in the network: only the sum of both gradients is defined.
    return {
      xs: [random(M, D), random(V, D)],
      run:
        ([h, head]) =>
        (ops) =>
          ops.crossEntropy(h!, head!, { goals: ops.gatherRows(head!, targets), targets, weights, smoothing }),
    };
  };

const convolution =
  (W: number): Draw =>
  () => {
    const [B, S, D] = [size(1, 3), size(4, 9), size(1, 5)];
    const segments = tf.tensor2d(
      Array.from({ length: B }, () => Array.from({ length: S }, (_, s) => (s < S / 3 ? 1 : s < S - 1 ? 2 : 0))),
      [B, S],
      'int32',
    );
    const where = taps(segments, W, tf.tensor1d(Array.from({ length: B }, () => rng.int(2))));
    return {
      xs: [random(B * S, D), random(W, D)],
      run:
        ([x, w]) =>
        (ops) =>
          ops.convolve(x!, w!, where),
    };
  };

const draws: Record<string, Draw> = {
  rmsNorm: () => {
    const D = size(2, 9);
    return {
      xs: [random(size(1, 6), D), random(D)],
      run:
        ([x, gain]) =>
        (ops) =>
          ops.rmsNorm(x!, gain!, 1e-5),
    };
  },
  layerNorm: () => {
    const D = size(2, 9);
    return {
      xs: [random(size(1, 6), D), random(D), random(D)],
      run:
        ([x, gain, bias]) =>
        (ops) =>
          ops.layerNorm(x!, gain!, bias!, 1e-3),
    };
  },
  swiglu: () => {
    const shape = [size(1, 6), size(1, 9)];
    return {
      xs: [random(...shape), random(...shape)],
      run:
        ([gate, up]) =>
        (ops) =>
          ops.swiglu(gate!, up!),
    };
  },
  gelu: () => ({
    xs: [random(size(1, 6), size(1, 9))],
    run:
      ([x]) =>
      (ops) =>
        ops.gelu(x!),
  }),
  attend: attention(false),
  'attend with dropout': attention(true),
  rotate: () => {
    const [S, K] = [size(1, 7), 2 * size(1, 4)];
    const table = rotation(S, K);
    const turn = { cos: tf.tensor2d(table.cos, [S, K]), sin: tf.tensor2d(table.sin, [S, K]) };
    return {
      xs: [random(size(1, 3), size(1, 3), S, K)],
      run:
        ([x]) =>
        (ops) =>
          ops.rotate(x!, turn),
    };
  },
  'convolve 3': convolution(3),
  'convolve 5': convolution(5),
  'convolve 7': convolution(7),
  gatherRows: () => {
    const V = size(2, 6);
    const ids = int(V, size(1, 9));
    return {
      xs: [random(V, size(1, 5))],
      run:
        ([table]) =>
        (ops) =>
          ops.gatherRows(table!, ids),
    };
  },
  crossEntropy: entropy(0),
  'crossEntropy with smoothing': entropy(0.2),
};

test.each(Object.entries(draws))('%s: value and gradients equal automatic differentiation', (_, draw) => {
  for (let trial = 0; trial < 5; trial++) {
    tf.tidy(() => {
      const { xs, run } = draw();
      const weigh = random(...run(xs)(fast).shape);
      const results = [fast, plain].map((ops) => {
        const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => tf.sum(tf.mul(run(given)(ops), weigh)) as tf.Scalar)(xs);
        return [run(xs)(ops), value, ...grads];
      });
      for (const [i, tensor] of results[0]!.entries()) {
        const expected = results[1]![i]!;
        const scale = Math.max(1, tf.max(tf.abs(expected)).dataSync()[0]!);
        // Both are float32 and differ in the order of sums: some tens of roundings of 6e-8.
        expect(tf.max(tf.abs(tf.sub(tensor, expected))).dataSync()[0]! / scale).toBeLessThan(5e-6);
      }
    });
  }
});

test('one rotation by p turns a dot product like the distance of two positions', () => {
  tf.tidy(() => {
    const [S, K] = [9, 8];
    const table = rotation(S, K);
    const turn = { cos: tf.tensor2d(table.cos, [S, K]), sin: tf.tensor2d(table.sin, [S, K]) };
    const same = (x: tf.Tensor) => tf.tile(x.reshape([1, 1, 1, K]), [1, 1, S, 1]);
    const [q, k] = [fast.rotate(same(random(K)), turn), fast.rotate(same(random(K)), turn)];
    const scores = tf.matMul(q, k, false, true).reshape([S, S]).arraySync() as number[][];
    for (let i = 0; i + 1 < S; i++) {
      for (let j = 0; j + 1 < S; j++) expect(scores[i + 1]![j + 1]!).toBeCloseTo(scores[i]![j]!, 5); // float32 sums of 8 products of about 1
    }
  });
});

test('[MASK] takes no share of the probability and no gradient of the head', () => {
  tf.tidy(() => {
    const [h, head, targets, weights] = [random(4, 5), random(7, 5), int(6, 4).add(tf.scalar(1, 'int32')), tf.ones([4])];
    const loss = (head: tf.Tensor) => fast.crossEntropy(h, head, { goals: tf.gather(head, targets as tf.Tensor1D), targets, weights });
    const moved = tf.add(head, tf.mul(tf.oneHot(tf.tensor1d([0], 'int32'), 7).reshape([7, 1]), 50));
    expect(loss(moved).dataSync()).toEqual(loss(head).dataSync());
    expect([...(tf.slice(tf.grad((x) => loss(x))(head), [0, 0], [1, 5]).dataSync() as Float32Array)].every((x) => x === 0)).toBe(true);
  });
});

test('a probability that underflows gives a finite loss and the right gradient', () => {
  tf.tidy(() => {
    const h = tf.tensor2d([[300]]);
    const head = tf.tensor2d([[0], [1], [0]]);
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
      fast.crossEntropy(x, head, { goals: tf.tensor2d([[0]]), targets: tf.tensor1d([2], 'int32'), weights: tf.ones([1]) }),
    )(h);
    expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    expect(grad.dataSync()[0]).toBe(1);
  });
});
