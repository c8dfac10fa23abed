import { tf } from './tf.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOLERANCE } from './cases.test.util.js';
import { show } from './graph/extent.js';
import { fit, monomials, samples } from './graph/fit.js';
import { deviation, host, session, tensor, tidy, run, type HostTensor } from './harness.test.util.js';
import { interpret, optimize, toOnnx, trace, type Graph } from './index.js';
import { OPEN, OPEN_SIZES, openExample, openGraph } from './open.test.util.js';

const ints = (shape: number[], of: (i: number) => number): HostTensor => ({
  shape,
  dtype: 'int32',
  data: Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i)),
});

describe('fitting sizes', () => {
  it('finds every monomial with a constant from three samples, and nothing simpler', () => {
    for (const names of [['batch'], ['batch', 'length', 'rows']]) {
      const chosen = samples(names, { length: 16 });
      for (const dims of monomials(names)) {
        for (const coefficient of [1, 3, 64]) {
          for (const constant of [0, 1, -2]) {
            const values = chosen.map((sizes) => coefficient * dims.reduce((value, name) => value * sizes[name]!, 1) + constant);
            expect(show(fit(values, chosen)!)).toBe(show({ coefficient, dims, constant }));
          }
        }
      }
    }
  });

  it('has no answer for other functions', () => {
    const chosen = samples(['a', 'b']);
    expect(
      fit(
        chosen.map((sizes) => sizes.a! / 2),
        chosen,
      ),
    ).toBeUndefined();
    expect(
      fit(
        chosen.map((sizes) => sizes.a! + sizes.b!),
        chosen,
      ),
    ).toBeUndefined();
    expect(
      fit(
        chosen.map((sizes) => sizes.a! ** 4),
        chosen,
      ),
    ).toBeUndefined();
  });
});

describe('functions of symbolic sizes', () => {
  it.each(Object.keys(OPEN))('%s', async (label) => {
    await tf.setBackend('cpu');
    const graph = openGraph(label);
    const models = await Promise.all([graph, optimize(graph)].map((one) => session(one, {}, label)));
    for (const [i, sizes] of OPEN_SIZES.entries()) {
      const { feeds, expected } = openExample(label, sizes, i);
      for (const model of models) {
        const results = await run(model, feeds);
        for (const [name, value] of Object.entries(expected))
          expect(deviation(results[name]!, value), `${name} at ${JSON.stringify(sizes)}`).toBeLessThan(TOLERANCE);
      }
    }
  });
});

describe('a denoiser with symbolic batch, length and rows', () => {
  const { V, D, H, most } = { V: 23, D: 8, H: 2, most: 19 };
  let weights: Record<string, tf.Variable>;
  let table: tf.Tensor;
  let graph: Graph;
  const sizes = [
    [1, 1, 1],
    [2, 3, 4],
    [3, 19, 5],
    [1, 16, 16],
    [5, 7, 1],
  ] as const;

  function denoiser({ ids, mask, rows }: Record<'ids' | 'mask' | 'rows', tf.Tensor>): Record<string, tf.Tensor> {
    const [B, S] = ids.shape as [number, number];
    const { emb, wq, wk, wv, pos, kernel } = weights as Record<string, tf.Tensor>;
    let x: tf.Tensor = tf.add(tf.gather(emb!, ids as tf.Tensor2D), tf.slice(pos!, [0, 0], [S, D]));
    // Depthwise convolution over three taps as shifted products.
    const padded = tf.pad(x, [
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
    x = tf.addN([0, 1, 2].map((tap) => tf.mul(tf.slice(padded, [0, tap, 0], [B, S, D]), tf.slice(kernel!, [tap, 0], [1, D]))));
    const flat = tf.reshape(x, [B * S, D]);
    const heads = (w: tf.Tensor): tf.Tensor =>
      tf.transpose(tf.reshape(tf.matMul(flat as tf.Tensor2D, w as tf.Tensor2D), [B, S, H, D / H]), [0, 2, 1, 3]);
    const rotation = tf.reshape(tf.slice(table, [0, 0], [S, D / H]), [1, 1, S, D / H]);
    const [q, k, v] = [tf.mul(heads(wq!), rotation), tf.mul(heads(wk!), rotation), heads(wv!)];
    const padding = tf.mul(tf.sub(1, tf.cast(tf.reshape(mask, [B, 1, 1, S]), 'float32')), -1e9);
    const distance = tf.sub(tf.reshape(tf.range(0, S), [S, 1]), tf.reshape(tf.range(0, S), [1, S]));
    const near = tf.where(tf.less(tf.abs(distance), 3), tf.zeros([S, S]), tf.fill([S, S], -1e9));
    const scores = tf.add(tf.add(tf.mul(tf.matMul(q!, k!, false, true), 0.5), padding), near);
    const mixed = tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), v!), [0, 2, 1, 3]), [B * S, D]);
    const hidden = tf.gather(tf.add(flat, mixed), rows as tf.Tensor1D);
    const logits = tf.matMul(hidden as tf.Tensor2D, emb as tf.Tensor2D, false, true);
    return { logits, spread: tf.mul(tf.sum(logits), S), tail: tf.slice(tf.concat([x, x], 1), [0, S, 0], [B, S, 1]) };
  }

  beforeAll(async () => {
    await tf.setBackend('cpu');
    const make = (shape: number[], seed: number): tf.Variable => tf.variable(tf.randomNormal(shape, 0, 0.5, 'float32', seed));
    weights = {
      emb: make([V, D], 1),
      wq: make([D, D], 2),
      wk: make([D, D], 3),
      wv: make([D, D], 4),
      pos: make([most, D], 5),
      kernel: make([3, D], 6),
    };
    table = tf.randomNormal([most, D / H], 0, 1, 'float32', 7);
    graph = trace(denoiser, {
      inputs: {
        ids: { shape: ['batch', 'length'], dtype: 'int32' },
        mask: { shape: ['batch', 'length'], dtype: 'int32' },
        rows: { shape: ['rows'], dtype: 'int32' },
      },
      variables: weights,
      limits: { length: most },
    });
  });
  afterAll(() => {
    tf.disposeVariables();
    table.dispose();
  });

  it('records expressions for the sizes', () => {
    expect(graph.dims).toEqual(['batch', 'length', 'rows']);
    const { shape } = graph.values[graph.outputs[0]!.value]!;
    expect(shape.map(show)).toEqual(['rows', '23']);
    const attention = graph.nodes.find((node) => node.kernel === 'Softmax')!;
    expect(graph.values[attention.outputs[0]!]!.shape.map(show)).toEqual(['batch', '2', 'length', 'length']);
    expect(JSON.parse(JSON.stringify(graph.nodes))).toEqual(graph.nodes);
  });

  it.each([
    ['as traced', (g: Graph) => g],
    ['optimized', optimize],
  ])('equals tfjs-cpu at every size, %s', async (_label, pass) => {
    const initializers = Object.fromEntries(Object.entries(weights).map(([name, variable]) => [name, variable.dataSync() as Float32Array]));
    const lowered = pass(graph);
    const model = await session(lowered, { initializers }, 'denoiser');
    expect(model.inputNames).toEqual(['ids', 'mask', 'rows']);
    for (const [B, S, R] of sizes) {
      const feeds = {
        ids: ints([B, S], (i) => (i * 7) % V),
        mask: ints([B, S], (i) => Number(i % S < S - 1 || S === 1)),
        rows: ints([R], (i) => (i * 5) % (B * S)),
      };
      const inputs = (): Record<'ids' | 'mask' | 'rows', tf.Tensor> => ({
        ids: tensor(feeds.ids),
        mask: tensor(feeds.mask),
        rows: tensor(feeds.rows),
      });
      const expected = tidy(() => Object.fromEntries(Object.entries(denoiser(inputs())).map(([name, value]) => [name, host(value)])));
      const results = await run(model, feeds);
      // Sums of at most 19 products of values below 10, in float32.
      for (const name of Object.keys(expected))
        expect(deviation(results[name]!, expected[name]!), `${name} at ${B}×${S}, ${R} rows`).toBeLessThan(2e-5);
      const interpreted = tidy(() => {
        const { outputs } = interpret(lowered, { ...inputs(), ...weights });
        return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, host(value)]));
      });
      for (const name of Object.keys(expected))
        expect(deviation(interpreted[name]!, expected[name]!), `${name} interpreted`).toBeLessThan(2e-5);
    }
  });

  it('has gradients with symbolic sizes too', async () => {
    const loss = ({ x, y }: Record<'x' | 'y', tf.Tensor>): Record<string, tf.Tensor> => {
      const f = (w: tf.Tensor): tf.Scalar => tf.mean(tf.square(tf.sub(tf.tanh(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)), y)));
      const { value, grad } = tf.valueAndGrad(f)(weights.wq!) as { value: tf.Tensor; grad: tf.Tensor };
      return { value, grad };
    };
    const model = await session(
      optimize(
        trace(loss, {
          inputs: { x: { shape: ['n', D], dtype: 'float32' }, y: { shape: ['n', D], dtype: 'float32' } },
          variables: { wq: weights.wq! },
        }),
      ),
      {},
      'symbolic-gradient',
    );
    for (const n of [1, 4, 33]) {
      const feeds = {
        x: tidy(() => host(tf.randomNormal([n, D], 0, 1, 'float32', 8))),
        y: tidy(() => host(tf.randomNormal([n, D], 0, 1, 'float32', 9))),
      };
      const expected = tidy(() =>
        Object.fromEntries(Object.entries(loss({ x: tensor(feeds.x), y: tensor(feeds.y) })).map(([name, value]) => [name, host(value)])),
      );
      const results = await run(model, { ...feeds, wq: host(weights.wq!) });
      for (const name of ['value', 'grad']) expect(deviation(results[name]!, expected[name]!)).toBeLessThan(1e-5);
    }
  });

  it('names the operation and attribute that cannot be expressed', () => {
    const inputs = { x: { shape: ['n', 'm'], dtype: 'float32' } } as const;
    expect(() => trace(({ x }) => tf.slice(x as tf.Tensor2D, [0, 0], [Math.floor(x.shape[0]! / 2), 1]), { inputs })).toThrow(
      /attribute 'size' of Slice at .*symbolic\.test\.ts:\d+ is .* at three sizes/,
    );
    expect(() => trace(({ x }) => tf.add(x, tf.tensor1d(Array.from({ length: x.shape[1]! }, (_, i) => i))), { inputs })).toThrow(
      /host.*tf\.range/,
    );
    expect(() => trace(({ x }) => tf.concat(Array.from({ length: x.shape[0]! }, () => x)), { inputs })).toThrow(
      /different operations at different sizes|expressed|multiple/,
    );
    expect(() => trace(({ x }) => tf.mul(x, 1 / x.shape[0]!), { inputs })).toThrow(
      /a constant read by Multiply at .* is no whole multiple|no whole multiple/,
    );
    expect(() => trace(({ x }) => x, { inputs, limits: { n: 2 } })).toThrow(
      expect.objectContaining({ code: 'MDIFF_TRACE', message: expect.stringContaining("'n'") as string }) as Error,
    );
  });

  it('bakes only inputs of fixed size', () => {
    expect(() => toOnnx(graph, { initializers: { ids: new Int32Array(4) } })).toThrow(/without symbolic dimensions/);
  });
});
