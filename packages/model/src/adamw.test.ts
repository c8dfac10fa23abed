import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { adamwFlat, emaFlat, globalNorm } from './adamw.js';
import { adamw, adamwScalars, clipByGlobalNorm, ema } from './adamw.test.util.js';
import './fixture.test.util.js';
import { golden, noise } from './golden.test.util.js';
import { layout } from './layout.js';
import { addFlat, allocate } from './simd.js';
import type { DenoiserConfig } from './types.js';

interface Index {
  config: DenoiserConfig;
  hyper: Record<'beta1' | 'beta2' | 'eps' | 'weightDecay' | 'clip', number>;
  rates: number[];
  norms: number[];
}
const { index, next } = golden<Index>('adamw');
const { config, hyper, rates, norms } = index;
const table = layout(config);
const n = table.total;
const [expectedParams, expectedM, expectedV] = [next(n), next(n), next(n)];

const start = () => {
  const drawn = noise(n, 1);
  const flat = new Float32Array(n);
  for (const { name, offset, size } of table.params) {
    for (let i = offset; i < offset + size; i++) flat[i] = 0.3 * drawn[i]! + (name.endsWith('norm.weight') ? 1 : 0);
  }
  return flat;
};
const gradient = (step: number) => Float32Array.from(noise(n, 1000 + step)).map((x) => x * 2 ** (-2 * step));
const worst = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

// float32 state, five steps: some rounding errors of 6e-8 on numbers of about 1. PyTorch also adds 1e-6 to the norm it divides by.
const TOLERANCE = 1e-6;

const buffers = {
  'ordinary arrays': () => ({ params: new Float32Array(n), grads: new Float32Array(n), m: new Float32Array(n), v: new Float32Array(n) }),
  'allocated buffers': () => allocate(n),
};

test.each(Object.entries(buffers))('five clipped steps on %s equal torch.optim.AdamW', (_, make) => {
  const state = make();
  state.params.set(start());
  rates.forEach((lr, i) => {
    state.grads.set(gradient(i + 1));
    const { gradNorm, finite } = adamwFlat({ ...state, layout: table, lr, step: i + 1, ...hyper });
    expect(finite).toBe(true);
    expect(Math.abs(gradNorm / norms[i]! - 1)).toBeLessThan(TOLERANCE);
  });
  expect(Math.max(...norms)).toBeGreaterThan(hyper.clip); // clipping happened,
  expect(Math.min(...norms)).toBeLessThan(hyper.clip); // and not always
  expect(worst(state.params, expectedParams)).toBeLessThan(TOLERANCE);
  expect(worst(state.m, expectedM)).toBeLessThan(TOLERANCE);
  expect(worst(state.v, expectedV)).toBeLessThan(TOLERANCE);
});

test('the TensorFlow.js twin takes the same steps', () => {
  tf.tidy(() => {
    const flat = start();
    let states = table.params.map(({ offset, size }) => ({
      param: tf.tensor1d(flat.subarray(offset, offset + size)) as tf.Tensor,
      m: tf.zeros([size]) as tf.Tensor,
      v: tf.zeros([size]) as tf.Tensor,
    }));
    rates.forEach((lr, i) => {
      const given = gradient(i + 1);
      const { grads, norm } = clipByGlobalNorm(
        table.params.map(({ offset, size }) => tf.tensor1d(given.subarray(offset, offset + size))),
        hyper.clip,
      );
      expect(Math.abs(norm.dataSync()[0]! / norms[i]! - 1)).toBeLessThan(TOLERANCE);
      states = states.map((state, at) =>
        adamw(state, grads[at]!, adamwScalars({ lr, step: i + 1, ...hyper }, table.params[at]!.decay), hyper),
      );
    });
    for (const [at, { name, offset, size }] of table.params.entries()) {
      const { param, m, v } = states[at]!;
      for (const [tensor, expected] of [
        [param, expectedParams],
        [m, expectedM],
        [v, expectedV],
      ] as const) {
        expect(worst(tensor.dataSync() as Float32Array, expected.subarray(offset, offset + size)), name).toBeLessThan(TOLERANCE);
      }
    }
  });
});

test.each(Object.entries(buffers))('a gradient that is not finite changes nothing in %s', (_, make) => {
  for (const bad of [NaN, Infinity]) {
    for (const at of [0, n - 1]) {
      const state = make();
      state.params.set(start());
      state.grads.set(gradient(1));
      state.grads[at] = bad;
      expect(adamwFlat({ ...state, layout: table, lr: 0.01, step: 1, ...hyper }).finite).toBe(false);
      expect(state.params).toEqual(start());
      expect(state.m.every((x) => x === 0)).toBe(true);
    }
  }
});

test.each([1, 4, 5, 18, 64])('allocated buffers of %i numbers are apart, and spans that are no multiple of four are whole', (size) => {
  const specs = (['matrix', 'bias'] as const).map((kind, i) => ({
    name: kind,
    kind,
    shape: [size],
    offset: i * size,
    size,
    decay: i === 0,
  }));
  const odd = { params: specs, total: 2 * size };
  const values = (salt: number) => Float32Array.from(noise(2 * size, salt));
  const states = [
    allocate(2 * size),
    { params: new Float32Array(2 * size), grads: new Float32Array(2 * size), m: new Float32Array(2 * size), v: new Float32Array(2 * size) },
  ];
  const norms = states.map((state) => {
    state.params.set(values(1));
    state.grads.set(values(2));
    state.m.set(values(3));
    state.v.set(values(4).map(Math.abs));
    return adamwFlat({ ...state, layout: odd, lr: 0.01, step: 3, ...hyper }).gradNorm;
  });
  expect(Math.abs(norms[0]! / norms[1]! - 1)).toBeLessThan(1e-12); // both sum in float64
  for (const name of ['params', 'm', 'v'] as const) expect(worst(states[0]![name], states[1]![name]), name).toBeLessThan(TOLERANCE);
  expect(states[0]!.grads).toEqual(states[1]!.grads);
});

test('clip 0 is off', () => {
  const grads = gradient(1);
  const m = new Float32Array(n);
  adamwFlat({ params: start(), grads, m, v: new Float32Array(n), layout: table, lr: 0.01, step: 1, ...hyper, clip: 0 });
  // One rounding to float32 of a number below 0.1.
  expect(
    worst(
      m,
      grads.map((x) => x * 0.1),
    ),
  ).toBeLessThan(1e-8);
});

test('the global norm counts the elements beyond a multiple of four', () => {
  expect(globalNorm(Float32Array.of(1, 2, 2, 4, 5, 5, 5))).toBe(10);
});

test('both averages are equal', () => {
  const average = start();
  const params = Float32Array.from(noise(n, 9));
  const [d, p] = [0.99, tf.tensor1d(params)];
  const before = tf.tensor1d(average);
  const expected = ema(before, p, d);
  emaFlat(average, params, d);
  expect(worst(average, expected.dataSync() as Float32Array)).toBeLessThan(2e-7); // one float32 rounding of a number of about 1
  tf.dispose([p, before, expected]);
});

test.each([1, 4, 7, 40_001])(
  'emaFlat on %i numbers of allocated buffers: the plain averages, to the bit, and nothing beside them',
  (size) => {
    const values = (salt: number) => Float32Array.from(noise(size, salt), (x, i) => x * 10 ** ((i % 60) - 45)); // subnormal numbers too
    const { params, ema: average, grads } = allocate(size + 3);
    for (const decay of [0.999, 0.9, 0.1]) {
      const [before, weights] = [values(1), values(2)];
      params.fill(7).set(weights, 1);
      average.fill(5).set(before, 1);
      emaFlat(average.subarray(1, 1 + size), params.subarray(1, 1 + size), decay);
      const plain = Float32Array.from(before);
      emaFlat(plain, weights, decay);
      const bits = (array: Float32Array) => new Uint32Array(array.slice().buffer);
      expect(bits(average.subarray(1, 1 + size))).toEqual(bits(plain));
      expect(bits(plain)).toEqual(bits(before.map((x, i) => decay * x + (1 - decay) * weights[i]!)));
      expect([average[0], average[size + 1], average[size + 2], params[0]]).toEqual([5, 5, 5, 7]);
      expect(grads.every((x) => x === 0)).toBe(true);
    }
  },
);

test.each([1, 4, 7, 16_384, 40_001])(
  'addFlat on %i numbers of an allocated buffer: the plain sums, to the bit, and nothing beside them',
  (size) => {
    const [a, b] = [Float32Array.from(noise(size, 1)), Float32Array.from(noise(size, 2))] as const;
    const { grads, m } = allocate(size + 3);
    grads.set(a, 1); // not where a cache line begins
    addFlat(grads.subarray(1, 1 + size), b);
    const sums = Float32Array.from(a);
    addFlat(sums, b);
    expect(grads.subarray(1, 1 + size)).toEqual(sums);
    expect(sums).toEqual(Float32Array.from(a, (x, i) => x + b[i]!));
    expect([grads[0], grads[size + 1], grads[size + 2]]).toEqual([0, 0, 0]);
    expect(m).toEqual(new Float32Array(size + 3));
  },
);
