import { tf } from '../tf.js';
import { beforeAll, expect, it } from 'vitest';
import { tensor, tidy } from '../harness.test.util.js';
import { trace, type Graph } from '../index.js';
import { interpret } from './interpret.js';
import { Twins } from './twins.js';

type X = Record<'x' | 'y', tf.Tensor>;
const record = (fn: (t: X) => Record<string, tf.Tensor>): Graph =>
  trace(fn, { inputs: { x: { shape: [2, 3], dtype: 'float32' }, y: { shape: [3, 2], dtype: 'float32' } } });
const product = ({ x, y }: X): tf.Tensor => tf.exp(tf.matMul(x, y));

beforeAll(() => tf.setBackend('cpu'));

it('says which values of two graphs are equal as computing both does, and computes only from where they differ', () =>
  tidy(() => {
    // The same numbers by other operations, rounded in another order, and other numbers.
    const first = record((t) => {
      const large = product(t);
      return { equal: large, elided: tf.sin(tf.reshape(tf.reshape(large, [4]), [2, 2])), rounded: tf.sum(large), other: tf.neg(large), zero: tf.mul(large, 0) };
    }); // prettier-ignore
    const second = record((t) => {
      const large = product(t);
      return { equal: large, elided: tf.sin(tf.add(large, 0)), rounded: tf.sum(tf.reverse(large)), other: tf.abs(large), zero: tf.mul(large, -0) };
    }); // prettier-ignore
    const data = (seed: number): Float32Array => Float32Array.from({ length: 6 }, (_, i) => Math.sin(i + seed));
    const feeds = {
      x: tensor({ shape: [2, 3], dtype: 'float32', data: data(1) }),
      y: tensor({ shape: [3, 2], dtype: 'float32', data: data(2) }),
    };
    const twins = new Twins(feeds);
    const [a, b] = [twins.read(first, {}), twins.read(second, {})];
    const pair = (name: string) => {
      const of = (graph: Graph): string => graph.outputs.find((output) => output.name === name)!.value;
      return [a.get(of(first))!, b.get(of(second))!] as const;
    };
    expect(twins.same(...pair('equal'))).toBe(true);
    expect(pair('equal')[0].call.results).toBeUndefined();
    expect(twins.same(...pair('elided'))).toBe(true);
    // The sine was taken of two values that turned out equal.
    expect(pair('elided')[0].call.results).toBeUndefined();
    const whole = [first, second].map((graph) => interpret(graph, feeds).outputs);
    for (const { name } of first.outputs) {
      const [x, y] = whole.map((outputs) => [...outputs[name]!.dataSync()]);
      expect(twins.same(...pair(name)), name).toBe(
        JSON.stringify(x) === JSON.stringify(y) && !x!.some((value, i) => !Object.is(value, y![i])),
      );
      expect([...twins.tensor(pair(name)[1]).dataSync()]).toEqual(y);
    }
    expect(twins.same(...pair('other'))).toBe(false);
    expect(twins.same(...pair('zero'))).toBe(false);
  }));
