import { tf } from './tf.js';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deviation, host, session, tidy, run } from './harness.test.util.js';
import { TraceError, toOnnx, trace, updateName, type Graph } from './index.js';

const vector = { x: { shape: [3], dtype: 'float32' } } as const;
type X = Record<'x', tf.Tensor>;

/** The error that tracing `fn` throws. */
function failure(fn: (inputs: X) => unknown, variables: Record<string, tf.Variable> = {}): TraceError {
  try {
    trace(fn as (inputs: X) => tf.Tensor, { inputs: vector, variables });
  } catch (error) {
    return error as TraceError;
  }
  throw new Error('nothing was thrown');
}

beforeAll(() => tf.setBackend('cpu'));

describe('a trace leaves alone', () => {
  let before: tf.MemoryInfo;
  let weight: tf.Variable;
  beforeEach(() => {
    weight = tf.variable(tf.tensor1d([1, 2, 3]), true);
    before = tf.memory();
  });
  afterEach(() => {
    expect(tf.memory()).toEqual(before);
    expect(tf.getBackend()).toBe('cpu');
    expect(Array.from(weight.dataSync())).toEqual([1, 2, 3]);
    weight.dispose();
  });

  it('variables, tensors, backend and engine state after success', () => {
    const graph = trace(
      ({ x }) => {
        weight.assign(tf.mul(weight, x));
        return tf.keep(tf.add(x, 1));
      },
      { inputs: vector, variables: { weight } },
    );
    expect(graph.updates).toHaveLength(1);
    expect(() => JSON.stringify(graph)).not.toThrow();
  });

  it('the same after a throw from within scopes, tapes and assignments', () => {
    const boom = new Error('boom');
    const fn = ({ x }: X): tf.Tensor =>
      tf.tidy(() => {
        weight.assign(tf.mul(weight, x));
        return tf.grad((y: tf.Tensor) => {
          tf.exp(y);
          throw boom;
        })(x);
      });
    expect(() => trace(fn, { inputs: vector, variables: { weight } })).toThrow(boom);
    expect(
      tidy(() =>
        Array.from(
          tf
            .grad((y: tf.Tensor) => tf.square(y))(tf.scalar(3))
            .dataSync(),
        ),
      ),
    ).toEqual([6]);
  });

  it('a variable that is assigned without being listed', () => {
    const error = failure(({ x }) => {
      weight.assign(tf.tidy(() => tf.add(x, 1)) as tf.Tensor1D);
      return x;
    });
    expect(error.message).toMatch(/is assigned by the traced function but is not in `variables`/);
  });

  it('a variable made inside is refused and forgotten', () => {
    expect(failure(({ x }) => tf.variable(x)).message).toMatch(/made inside the traced function/);
  });
});

describe('code that cannot be traced', () => {
  it('is named with the place in the caller and the remedy', () => {
    const error = failure(({ x }) => {
      x.dataSync();
      return x;
    });
    expect(error).toBeInstanceOf(TraceError);
    expect(error.code).toBe('MDIFF_TRACE');
    expect(error.message).toMatch(/dataSync.* at .*trace\.test\.ts:\d+, .*pass it in$/);
    expect(error.message).not.toContain('\n');
  });

  it('reads of values, even when the function swallows the error or does not await', () => {
    const swallow = ({ x }: X): tf.Tensor => {
      try {
        x.arraySync();
      } catch {
        // The function swallows the error on purpose.
      }
      return x;
    };
    expect(failure(swallow).message).toMatch(/reads a value/);
    expect(
      failure(({ x }) => {
        void x.data();
        return x;
      }).message,
    ).toMatch(/data or array/);
    expect(failure(({ x }) => tf.add(x, tf.sum(x).arraySync() as number)).message).toMatch(/reads a value/);
  });

  it.each([
    ['randomNormal', () => tf.randomNormal([3])],
    ['randomUniform', () => tf.randomUniform([3])],
    ['truncatedNormal', () => tf.truncatedNormal([3])],
    ['dropout', (x: tf.Tensor) => tf.dropout(x, 0.5)],
    ['multinomial', (x: tf.Tensor) => tf.multinomial(x as tf.Tensor1D, 2)],
    ['Math.random', (x: tf.Tensor) => tf.mul(x, Math.random())],
    ['randomNormal', () => tf.randomNormal([3], 0, 1, 'float32', 5)],
    ['randomUniform', () => tf.randomUniform([3], 0, 1, 'float32', 5)],
    ['dropout', (x: tf.Tensor) => tf.dropout(x, 0.5, undefined, 5)],
  ])('draws on the host: %s', (op, fn) => {
    const { message } = failure(({ x }) => fn(x));
    expect(message).toContain(op);
    expect(message).toMatch(/trace\.test\.ts:\d+ draws random numbers on the host.*pass them as an input/);
  });

  it('kernels without a rule', () => {
    expect(failure(({ x }) => tf.fft(tf.complex(x, x))).message).toMatch(
      /Complex at .*trace\.test\.ts:\d+ has no rule for tracing|complex64/,
    );
    expect(failure(({ x }) => tf.broadcastArgs(tf.cast(x, 'int32'), tf.cast(x, 'int32'))).message).toMatch(
      /kernel BroadcastArgs at .*trace\.test\.ts:\d+ has no rule.*write it with other operations/,
    );
  });

  it('variables that are not listed, promises, other results, nested traces, clashing names', () => {
    const weight = tf.variable(tf.tensor1d([1, 2, 3]));
    expect(failure(({ x }) => tf.mul(x, weight)).message).toMatch(/variable '\d+' at .*trace\.test\.ts:\d+ is used .* not in `variables`/);
    expect(failure(({ x }) => Promise.resolve(x)).message).toMatch(/promise/);
    expect(failure(() => ({ y: 3 })).message).toMatch(/output 'y'.*expected a tensor, got number/);
    expect(failure(() => ({})).message).toMatch(/nothing to record/);
    expect(failure(({ x }) => trace(() => x, { inputs: {} }) as unknown).message).toMatch(/one function at a time/);
    expect(failure(({ x }) => x, { x: weight }).message).toMatch(/called 'x'/);
    expect(failure(({ x }) => x, { _w: weight }).message).toMatch(/'_w'/);
    weight.dispose();
  });

  it('tensors of a trace that has ended', async () => {
    let escaped: tf.Tensor | undefined;
    trace(({ x }) => (escaped = tf.add(x, 1)), { inputs: vector });
    expect(() => escaped!.dataSync()).toThrow(/ended/);
    await expect(escaped!.data()).rejects.toThrow(/ended/);
    expect(() => tf.add(escaped!, 1).dataSync()).toThrow();
  });
});

describe('outputs, updates, constants', () => {
  it('may be inputs, constants and one value under two names', async () => {
    const outside = tf.tensor1d([5, 6, 7]);
    const weight = tf.variable(tf.tensor1d([1, 2, 3]));
    const graph = trace(
      ({ x }) => {
        weight.assign(x as tf.Tensor1D);
        const y = tf.add(x, weight);
        return { same: x, outside, y, again: y };
      },
      { inputs: vector, variables: { weight } },
    );
    const results = await run(await session(graph, {}, 'outputs'), { x: host(outside), weight: host(weight) });
    expect(Object.keys(results)).toEqual(['same', 'outside', 'y', 'again', updateName('weight')]);
    expect(Object.values(results).map((value) => Array.from(value.data))).toEqual([
      [5, 6, 7],
      [5, 6, 7],
      [10, 12, 14],
      [10, 12, 14],
      [5, 6, 7],
    ]);
    outside.dispose();
    weight.dispose();
  });

  it('keeps large uniform constants as Fill', () => {
    const graph = trace(({ x }) => tf.add(x, tf.sum(tf.zeros([1000, 1000]))), { inputs: vector });
    expect(graph.nodes[0]).toMatchObject({ kernel: 'Fill', attrs: { shape: [1000, 1000], value: 0 } });
    expect(toOnnx(graph).length).toBeLessThan(2000);
  });

  it('bakes inputs and variables as weights', async () => {
    const weight = tf.variable(tf.tensor1d([1, 2, 3]));
    const graph = trace(({ x }) => tf.mul(x, weight), { inputs: vector, variables: { weight } });
    const model = await session(
      graph,
      { initializers: { weight: weight.dataSync() as Float32Array }, name: 'baked', doc: 'three products' },
      'baked',
    );
    expect(model.inputNames).toEqual(['x']);
    expect(
      deviation(
        (await run(model, { x: host(weight) })).output!,
        tidy(() => host(tf.square(weight))),
      ),
    ).toBe(0);
    expect(() => toOnnx(graph, { initializers: { other: new Float32Array(3) } })).toThrow(/'other' is no input or variable.*x, weight/);
    expect(() => toOnnx(graph, { initializers: { weight: new Float32Array(4) } })).toThrow(/has 4 elements; expected 3/);
    expect(() => toOnnx(graph, { opset: 17 })).toThrow(/opset 17 is not supported; use 18 to 23/);
    const clash: Graph = { ...graph, outputs: [{ name: 'x', value: graph.outputs[0]!.value }] };
    expect(() => toOnnx(clash)).toThrow(/'x' has the name of another value/);
    weight.dispose();
  });
});
