import { tf } from '../tf.js';
import { describe, expect, it } from 'vitest';
import { interpret, ofPart, replicate, trace } from '../index.js';

describe('replicate', () => {
  // A sum over a batch, something for each of its rows, and something of the weights alone.
  const graph = trace(
    ({ x, w, scale }) => {
      const weights = tf.softmax(w!);
      const y = tf.mul(tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D), scale!);
      return { loss: tf.sum(tf.mul(y, y)), each: tf.sum(y, 1) };
    },
    {
      inputs: { x: { shape: ['n', 3], dtype: 'float32' }, w: { shape: [3, 2], dtype: 'float32' }, scale: { shape: [], dtype: 'float32' } },
    },
  );
  const asVariable = {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => name !== 'w'),
    variables: [{ name: 'w', shape: [3, 2], dtype: 'float32' as const }],
  };
  const value = (numbers: number[], shape: number[]) => tf.tensor(numbers, shape);
  const x = Array.from({ length: 15 }, (_, i) => Math.sin(i));
  const rest = { w: value([1, 2, 3, 4, 5, 7], [3, 2]), scale: tf.scalar(0.5) };

  it.each([1, 2, 3])('%d: sums over the parts, and what is of open size by part', (parts) => {
    const whole = interpret(graph, { x: value(x, [5, 3]), ...rest }).outputs;
    const cuts = Array.from({ length: parts + 1 }, (_, i) => Math.floor((i * 5) / parts));
    const fed = Object.fromEntries(
      cuts.slice(1).map((to, i) => [ofPart('x', i), value(x.slice(cuts[i]! * 3, to * 3), [to - cuts[i]!, 3])]),
    );
    const found = interpret(replicate(asVariable, parts), { ...fed, ...rest }).outputs;
    expect(found.loss!.dataSync()[0]).toBeCloseTo(whole.loss!.dataSync()[0]!, 5);
    const each = cuts.slice(1).flatMap((_, i) => [...found[ofPart('each', i)]!.dataSync()]);
    [...whole.each!.dataSync()].forEach((expected, i) => expect(each[i]).toBeCloseTo(expected, 5));
  });

  it('computes what depends on no part once', () => {
    const count = (of: typeof graph, kernel: string) => of.nodes.filter((node) => node.kernel === kernel).length;
    const two = replicate(asVariable, 2);
    expect([count(two, 'Softmax'), count(two, 'BatchMatMul')]).toEqual([count(graph, 'Softmax'), 2 * count(graph, 'BatchMatMul')]);
  });
});
