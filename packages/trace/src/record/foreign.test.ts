import { tf } from '../tf.js';
import { readSavedModel } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { session, run } from '../harness.test.util.js';
import { foreign, optimize, toOnnx, toSavedModel, trace, type Graph, type RuntimeOps } from '../index.js';

const float = (...shape: (number | string)[]) => ({ shape, dtype: 'float32' as const });

/** y = scale·x with a gradient of its own, both known to the runtime only. */
const twice = (x: tf.Tensor): tf.Tensor =>
  tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: foreign('Twice', [x as tf.Tensor], [(x as tf.Tensor).shape], { scale: 2, exact: true })[0]!,
      gradFunc: (dy, saved) => foreign('TwiceGrad', [saved[0]!, dy], [dy.shape, [1]])[0]!,
    };
  })(x);

const opsOf = (graph: Graph, ops: RuntimeOps = {}, bfloat16 = true) =>
  readSavedModel(toSavedModel({ variables: {}, signatures: { run: { graph } }, ops, bfloat16 })).nodes;

describe('operations of a runtime', () => {
  it('are recorded with their attributes, at open sizes, with gradients', () => {
    const graph = optimize(trace(({ x }) => ({ y: twice(x!), dx: tf.grad(twice)(x!) }), { inputs: { x: float('rows', 3) } }));
    const [value, gradient] = graph.nodes.filter(({ kernel }) => kernel === 'Foreign');
    expect(value!.attrs).toEqual({ op: 'Twice', scale: 2, exact: true });
    expect(gradient!.attrs).toEqual({ op: 'TwiceGrad' });
    expect(gradient!.outputs.map((output) => graph.values[output]!.shape.length)).toEqual([2, 1]);
    const nodes = opsOf(graph);
    const call = nodes.find(({ op }) => op === 'Twice')!;
    expect(call.attrs).toEqual({ scale: 2, exact: 1 });
    expect(nodes.find(({ op }) => op === 'TwiceGrad')!.inputs[0]).toBe(call.inputs[0]);
  });

  it('are not computed from constants, nor twice', () => {
    const graph = optimize(trace(() => ({ y: tf.add(twice(tf.ones([2])), twice(tf.ones([2]))) }), { inputs: {} }));
    expect(graph.nodes.filter(({ kernel }) => kernel === 'Foreign')).toHaveLength(1);
  });

  it('are the operators of ONNX that toOnnx is told of', async () => {
    const graph = optimize(
      trace(({ x, g, b }) => ({ y: foreign('LayerNormalization', [x!, g!, b!], [x!.shape], { epsilon: 1 })[0]! }), {
        inputs: { x: float('rows', 2), g: float(2), b: float(2) },
      }),
    );
    const model = await session(graph, { ops: ['LayerNormalization'] });
    const vector = (...data: number[]) => ({ shape: [2], dtype: 'float32' as const, data: Float32Array.from(data) });
    const { y } = await run(model, { x: { ...vector(0, 4), shape: [1, 2] }, g: vector(1, 2), b: vector(0, 1) });
    // Deviations ±2 over √(4 + 1).
    expect(Array.from(y!.data)).toEqual([-2 / Math.sqrt(5), 1 + 4 / Math.sqrt(5)].map((value) => expect.closeTo(value, 5) as number));
  });

  it('have no meaning outside a trace or in another ONNX, and say so', () => {
    expect(() => foreign('Twice', [tf.ones([2])], [[2]])).toThrow(/'Twice' is only known to the runtime .* inside a traced function/);
    const graph = trace(({ x }) => twice(x!), { inputs: { x: float(2) } });
    expect(() => toOnnx(graph)).toThrow(/kernel Foreign has no ONNX lowering/);
  });
});

describe('operations that take the place of TensorFlow’s own', () => {
  const all: RuntimeOps = { product: 'P', productAdd: 'PA', softmax: 'S' };
  const graph = (): Graph =>
    trace(
      ({ x, w, z, many }) => ({
        added: tf.add(z!, tf.matMul(x!, w!)),
        shared: tf.matMul(x!, w!, false, true),
        again: tf.sum(tf.matMul(x!, w!, false, true)),
        soft: tf.softmax(tf.matMul(z!, x!, true)),
        batched: tf.matMul(many!, many!),
      }),
      { inputs: { x: float('n', 4), w: float(4, 4), z: float('n', 4), many: float(2, 3, 3) } },
    );

  it('compute products of two matrices in bfloat16, and a product that is only added on top of the other value', () => {
    const nodes = opsOf(optimize(graph()), all);
    const named = (op: string) => nodes.filter((node) => node.op === op);
    expect(named('P').map(({ attrs }) => [attrs.transpose_a, attrs.transpose_b])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(named('PA')).toHaveLength(1);
    expect(named('PA')[0]!.inputs).toEqual(['run/x', 'run/w', 'run/z']);
    expect(named('AddV2')).toHaveLength(0);
    expect(named('S')).toHaveLength(1);
    expect(named('Softmax')).toHaveLength(0);
    expect(named('BatchMatMulV2')).toHaveLength(1);
  });

  it('leave products alone in float32, and everything where there are none', () => {
    const float32 = opsOf(optimize(graph()), all, false).map(({ op }) => op);
    expect(float32).not.toContain('P');
    expect(float32).not.toContain('PA');
    expect(float32).toContain('S');
    const none = opsOf(optimize(graph())).map(({ op }) => op);
    for (const op of ['P', 'PA', 'S']) expect(none).not.toContain(op);
  });
});
