import { tf } from './tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { deviation, host, run, session, tensor, tidy } from './harness.test.util.js';
import { TraceError, optimize, toOnnx, trace, type Graph, type InputSpec, type TraceOptions } from './index.js';

// A function is traced right or refused, at every size that its inputs may have.

type X = Record<'x', tf.Tensor>;
const float = (...shape: (number | string)[]): InputSpec => ({ shape, dtype: 'float32' });
const record = (fn: (inputs: X) => unknown, shape: (number | string)[], more: Partial<TraceOptions> = {}): Graph =>
  trace(fn as (inputs: Record<string, tf.Tensor>) => tf.Tensor, { inputs: { x: float(...shape) }, ...more });
const refused = (go: () => unknown, message: RegExp): void =>
  expect(go).toThrow(expect.objectContaining({ code: 'MDIFF_TRACE', message: expect.stringMatching(message) as string }) as Error);
const size = ({ x }: X): number => x.shape[0]!;

beforeAll(() => tf.setBackend('cpu'));

describe('a function whose result depends on a large or a smallest size', () => {
  it.each<[string, (inputs: X) => tf.Tensor, RegExp]>([
    [
      'a minimum',
      (t) => tf.slice(t.x, [0], [Math.min(size(t), 100)]),
      /'size' of Slice at .* is 2, 3, 100 at three sizes \(n = 2; n = 3; n = 4099\)/,
    ],
    ['a window', (t) => tf.slice(t.x, [Math.max(size(t) - 32, 0)], [Math.min(size(t), 32)]), /'begin' of Slice at/],
    ['a multiple', (t) => tf.pad(t.x, [[0, Math.ceil(size(t) / 64) * 64 - size(t)]]), /'paddings' of PadV2 at/],
    [
      'a branch',
      (t) => (size(t) > 8 ? tf.exp(t.x) : tf.neg(t.x)),
      /Neg at .*different operations at different sizes of n \(n = 2; n = 4099\)/,
    ],
    ['a choice of results', (t) => (size(t) > 8 ? t.x : tf.zeros([2])), /different operations|Fill/],
    [
      'a squeeze',
      ({ x }) => tf.squeeze(tf.reshape(x, [-1, 1])),
      /at n = 1 the traced function gives output 'output' the shape \[\] instead of \[1\]/,
    ],
    ['a branch at one', (t) => (size(t) === 1 ? tf.neg(t.x) : tf.exp(t.x)), /at n = 1 the traced function computes something else/],
  ])('%s', (_label, fn, message) => refused(() => record(fn, ['n']), message));

  it('is traced when its sizes are named, and an error says which sizes were tried', () => {
    refused(
      () => record(({ x }) => tf.topk(x, 3).values, ['n']),
      /fails at n = 2: .*must be <= the last dimension.*at n = 2; n = 3; n = 4099.*`sizes`/,
    );
    expect(record(({ x }) => tf.topk(x, 3).values, ['n'], { sizes: { n: { min: 3 } } }).nodes[0]!.attrs.k).toBe(3);
    expect(record(({ x }) => tf.squeeze(x), ['n', 3], { sizes: { n: { min: 2 } } }).outputs).toHaveLength(1);
    expect(record(({ x }) => tf.slice(x, [0], [Math.min(x.shape[0]!, 100)]), ['n'], { limits: { n: 100 } }).outputs).toHaveLength(1);
    refused(() => record(({ x }) => x, ['n'], { sizes: { m: { min: 2 } } }), /size 'm' is in no shape/);
    refused(
      () => record(({ x }) => x, ['n'], { sizes: { n: { min: 5, max: 7, multiple: 4 } } }),
      /no multiple of 4 lies between its min 5 and max 7/,
    );
  });

  it('whose error has several lines is refused with all of them', () =>
    refused(
      () => record(({ x }) => tf.grad(() => tf.scalar(1))(x), ['n']),
      /fails at n = 2: Cannot compute gradient of y=f\(x\) .*Make sure that the f you passed encloses all operations that lead from x to y; mdiff/,
    ));

  it('may divide a size of which it knows a multiple, and join axes', async () => {
    const fn = ({ x }: X): Record<string, tf.Tensor> => {
      const [n, m] = x.shape as [number, number];
      const pairs = tf.reshape(x, [n, m / 2, 2]);
      return { pairs: tf.mul(pairs, m / 2), joined: tf.add(tf.concat([tf.reshape(x, [n * m]), tf.range(0, n)], 0), 1) };
    };
    const graph = record(fn, ['n', 'm'], { sizes: { m: { multiple: 2 } } });
    const feed = tidy(() => host(tf.reshape(tf.range(0, 18), [3, 6])));
    const expected = tidy(() => Object.entries(fn({ x: tensor(feed) })).map(([name, value]) => [name, host(value)] as const));
    for (const one of [graph, optimize(graph)]) {
      const results = await run(await session(one, {}, 'multiples'), { x: feed });
      for (const [name, value] of expected) expect(deviation(results[name]!, value)).toBe(0);
    }
  });

  it('finds samples for many sizes and for small limits', () => {
    const names = Array.from({ length: 9 }, (_, i) => `n${i}`);
    const inputs = Object.fromEntries(names.map((name, i) => [`x${i}`, float(name)]));
    expect(trace((t) => tf.exp(t.x0!), { inputs }).dims).toEqual(names);
    const three = Object.fromEntries(Object.entries(inputs).slice(0, 3));
    expect(trace((t) => tf.exp(t.x0!), { inputs: three, limits: { n0: 9, n1: 9, n2: 9 } }).dims).toHaveLength(3);
  });
});

describe('random numbers', () => {
  const { random } = Math;
  const mash = (data: string): number => Array.from(data).reduce((total, _, i) => total * 31 + data.charCodeAt(i), 0);
  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['tf.randomNormal', () => tf.randomNormal([1], 0, 1, 'float32', 3)],
    ['tf.randomUniform', () => tf.randomUniform([], 0, 1, 'float32', 3)],
    ['tf.truncatedNormal', () => tf.truncatedNormal([1], 0, 1, 'float32', 3)],
    ['tf.randomGamma', () => tf.randomGamma([1], 1, 1, 'float32', 3)],
    ['tf.dropout', (x) => tf.dropout(x, 0.5, [1], 3)],
    ['Math.random', (x) => tf.mul(x, Math.random())],
    ['crypto.getRandomValues', (x) => tf.mul(x, crypto.getRandomValues(new Uint8Array(1))[0]!)],
    // What a minified build does under other names: Alea hashes three spaces and then its seed.
    ['a random generator', () => tf.scalar([' ', ' ', ' ', '7'].map(mash).reduce((a, b) => a + b))],
    ['draws random numbers', (x) => tf.mul(x, random())],
    ['draws random numbers', (x) => tf.slice(x, [0], [random() < 2 ? 1 + (Math.floor(random() * 1e6) % 2) : 1])],
  ])('%s is refused', (source, fn) => {
    // The last two are seen because they differ from run to run: of several traces one differs.
    const traces = (): unknown => Array.from({ length: 24 }, () => record(({ x }) => fn(x), [2]));
    refused(traces, new RegExp(`${source.replace('.', '\\.')}.*pass (them|such values) as`));
  });

  it('leaves the host’s generators as they were', () => {
    const before = [Math.random, String.prototype.charCodeAt, crypto.getRandomValues, crypto.randomUUID];
    record(({ x }) => tf.exp(x), [2]);

    expect([Math.random, String.prototype.charCodeAt, crypto.getRandomValues, crypto.randomUUID]).toEqual(before);
    expect(crypto.getRandomValues(new Uint8Array(4))).toHaveLength(4);
  });
});

describe('inputs, names and initializers', () => {
  it.each<[string, unknown, RegExp]>([
    ['null in a shape', float(null as never, 3), /'x': expected whole sizes in its shape, got null; .* a name, such as 'n'/],
    ['a negative size', float(-1, 3), /got -1/],
    ['a broken size', float(1.5), /got 1\.5/],
    ['an empty name of a size', float(''), /size of input 'x' ''/],
    ['no type', { shape: [2] }, /expected dtype float32, int32 or bool, got none/],
    ['another type', { shape: [2], dtype: 'int64' }, /got "int64"/],
    ['no shape', { dtype: 'float32' }, /'x' has no shape/],
    ['a shape alone', [2], /expected \{ shape, dtype \}/],
  ])('%s', (_label, spec, message) => refused(() => trace(({ x }) => tf.exp(x), { inputs: { x: spec as InputSpec } }), message));

  it('may have the names that objects have', async () => {
    const inputs = {
      constructor: float('toString'),
      valueOf: float('toString'),
      'a,b': float(1),
      a: float(1),
      'b,c': float(1),
      c: float(1),
    };
    const fn = (t: Record<string, tf.Tensor>): Record<string, tf.Tensor> => ({
      hasOwnProperty: tf.add(t['constructor']!, t['valueOf']!),
      p: tf.concat([t.a!, t['b,c']!]),
      q: tf.concat([t['a,b']!, t.c!]),
    });
    const one = (value: number) => ({ shape: [1], dtype: 'float32' as const, data: Float32Array.of(value) });
    const model = await session(optimize(trace(fn, { inputs })), { initializers: { c: Float32Array.of(4) } }, 'names');
    const results = await run(model, { constructor: one(5), valueOf: one(6), a: one(1), 'b,c': one(2), 'a,b': one(3) });
    expect(Object.values(results).map(({ data }) => [...data])).toEqual([[11], [1, 2], [3, 4]]);
    for (const name of ['', '_y']) refused(() => record(({ x }) => ({ [name]: tf.exp(x) }), [2]), /output name '.*': expected a name/);
  });

  it('initializers have the type of their input', () => {
    const graph = record(({ x }) => tf.exp(x), [2]);
    for (const [values, got] of [
      [Int32Array.of(1, 2), 'Int32Array'],
      [[1, 2], 'Array'],
      [null, 'null'],
    ] as const)
      refused(
        () => toOnnx(graph, { initializers: { x: values as never } }),
        new RegExp(`'x' of float32: expected Float32Array, got ${got}`),
      );
  });

  it('variables may be the weights of layers', () => {
    const layer = tf.layers.dense({ units: 1, inputShape: [2] });
    const model = tf.sequential({ layers: [layer] });
    const weights = Object.fromEntries(
      model.weights.map((weight) => [weight.name.split('/').at(-1)!, weight as unknown as { val: tf.Variable }]),
    );
    const graph = record(({ x }) => model.apply(x), ['n', 2], { variables: weights });
    expect(graph.variables.map(({ name }) => name)).toEqual(['kernel', 'bias']);
    refused(
      () => record(({ x }) => x, [2], { variables: { w: 3 as never } }),
      /variable 'w': expected a tf\.Variable or the weight of a layer/,
    );
    model.dispose();
  });
});

describe('an async function', () => {
  it('is refused without a rejection that nobody handles', async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): number => rejections.push(reason);
    process.on('unhandledRejection', note);
    const late = async ({ x }: X): Promise<tf.Tensor> => {
      await Promise.resolve();
      return tf.exp(x);
    };
    refused(() => record(late, [2]), /promise/);
    refused(() => record(async ({ x }: X) => void (await x.data()), [2]), /reads a value|promise/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
    expect(new TraceError('x').code).toBe('MDIFF_TRACE');
  });
});
