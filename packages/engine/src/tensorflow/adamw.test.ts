import { tf } from '@mdiff/model';
import { readSavedModel, type ReadNode } from '@mdiff/testing';
import { toSavedModel, trace, type Graph, type SavedModelSignature } from '@mdiff/trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADAMW_INPUTS, adamw } from './adamw.js';

// checks/native/savedmodel.mjs compares the numbers with plain JavaScript in native TensorFlow; here, with Node alone, what stands in the file.

const variable = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const WHOLE = { w: variable(3, 2), m: variable(3, 2), v: variable(3, 2), ema: variable(3, 2), n: { shape: [], dtype: 'int32' as const } };
const SLOT = { variable: 'w', m: 'm', v: 'v', gradient: 'gradient', decay: true, ema: 'ema' };
const ADAMW = { slots: [SLOT], beta1: 0.9, beta2: 0.95 };

let w: tf.Variable;
let n: tf.Variable;
let step: Graph;
beforeAll(async () => {
  await tf.setBackend('cpu');
  w = tf.variable(tf.ones([3, 2]), true);
  n = tf.variable(tf.scalar(0, 'int32'), false);
  step = trace(
    ({ x }) => {
      const { value, grad } = tf.valueAndGrad((weights: tf.Tensor) => tf.sum(tf.square(tf.matMul(x!, weights))))(w) as {
        value: tf.Tensor;
        grad: tf.Tensor;
      };
      n.assign(tf.add(n, tf.scalar(1, 'int32')));
      return { loss: value, gradient: grad, rows: tf.reshape(x!, [-1]) };
    },
    { inputs: { x: { shape: ['rows', 3], dtype: 'float32' } }, variables: { w, n } },
  );
});
afterAll(() => tf.disposeVariables());

const one = (signature: Partial<SavedModelSignature> = {}, variables = WHOLE) =>
  readSavedModel(toSavedModel({ variables, signatures: { step: { graph: step, ...signature } } }));
const ops = (nodes: ReadNode[], op: string): ReadNode[] => nodes.filter((node) => node.op === op);
/** Nodes that run when `tensor` is fetched. */
function needed({ byName }: ReturnType<typeof one>, tensor: string): Set<string> {
  const seen = new Set<string>();
  const visit = (reference: string): void => {
    const name = reference.replace(/^\^/, '').replace(/:\d+$/, '');
    if (seen.has(name)) return;
    seen.add(name);
    byName.get(name)!.inputs.forEach(visit);
  };
  visit(tensor);
  return seen;
}

describe('AdamW in a SavedModel', () => {
  it('runs the fused kernel on every slot, after every gradient and before any output', () => {
    const model = one({ update: adamw(ADAMW) });
    expect(Object.keys(model.signatures.step!.inputs)).toEqual(['x', ...ADAMW_INPUTS]);
    expect(Object.keys(model.signatures.step!.outputs)).toEqual(['grad_norm', 'loss', 'rows']);
    const [apply] = ops(model.nodes, 'ResourceApplyAdam');
    expect(apply!.inputs.slice(0, 3)).toEqual(['variable/w', 'variable/m', 'variable/v']);
    const assigned = ops(model.nodes, 'AssignVariableOp')
      .filter(({ name }) => name.startsWith('step/'))
      .map(({ inputs }) => inputs[0]);
    expect(assigned).toEqual(['variable/n', 'variable/w', 'variable/ema']);
    for (const { tensor } of Object.values(model.signatures.step!.outputs)) expect(needed(model, tensor)).toContain(apply!.name);
    // Without decay the parameters are written by the kernel alone.
    const { nodes } = one({ update: adamw({ ...ADAMW, slots: [{ ...SLOT, decay: false }] }) });
    expect(ops(nodes, 'AssignVariableOp').filter(({ name, inputs }) => name.startsWith('step/') && inputs[0] === 'variable/w')).toEqual([]);
  });

  it('runs one operation of the runtime, over the memory of variables and behind everything that reads it', () => {
    const graph = trace(({ x }) => ({ gradient: tf.add(tf.reshape(tf.neg(tf.reshape(w, [6])), [3, 2]), tf.mul(w, tf.sum(x!))) }), {
      inputs: { x: { shape: [2], dtype: 'float32' } },
      variables: { w },
    });
    const written = (more: Graph = graph) =>
      readSavedModel(toSavedModel({ variables: WHOLE, signatures: { step: { graph: more, update: adamw({ ...ADAMW, op: 'A' }) } } }));
    const model = written();
    const [update] = ops(model.nodes, 'A');
    expect(
      update!.inputs
        .slice(0, 3)
        .map((name) => model.byName.get(name))
        .map((node) => [node!.op, node!.inputs[0]]),
    ).toEqual(['w', 'm', 'v'].map((name) => ['ReadVariableOp', `variable/${name}`]));
    const waits = update!.inputs.filter((name) => name.startsWith('^')).map((name) => model.byName.get(name.slice(1))!.op);
    // The reshaped read is the same memory, so what reads that counts too.
    expect(waits.sort()).toEqual(['Mul', 'Neg', 'Reshape']);
    expect(ops(model.nodes, 'ResourceApplyAdam')).toEqual([]);
    expect(
      ops(model.nodes, 'AssignVariableOp')
        .filter(({ name }) => name.startsWith('step/'))
        .map(({ inputs }) => inputs[0]),
    ).toEqual(['variable/ema']);
    for (const { tensor } of Object.values(model.signatures.step!.outputs)) expect(needed(model, tensor)).toContain(update!.name);
    // A pass that asks for the old weights gets them.
    const [output] = graph.outputs;
    expect(ops(written({ ...graph, outputs: [output!, { name: 'before', value: 'w' }] }).nodes, 'A')).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'an unknown gradient',
      () => one({ update: adamw({ ...ADAMW, slots: [{ ...SLOT, gradient: 'g' }] }) }),
      /gradient 'g' is no output of the graph; expected one of loss, gradient, rows/,
    ],
    [
      'a gradient of another shape',
      () => one({ update: adamw({ ...ADAMW, slots: [{ ...SLOT, gradient: 'loss' }] }) }),
      /gradient 'loss' is float32\[\], but 'w' is float32\[3,2\]/,
    ],
    [
      'an unknown moment',
      () => one({ update: adamw({ ...ADAMW, slots: [{ ...SLOT, m: 'first' }] }) }),
      /variable of adamw 'first' is no variable/,
    ],
    ['a variable that changes twice', () => one({ update: adamw({ ...ADAMW, slots: [SLOT, SLOT] }) }), /'w' is changed twice/],
  ])('refuses %s', (_label, attempt, message) => {
    expect(attempt).toThrow(expect.objectContaining({ code: 'MDIFF_TRACE', message: expect.stringMatching(message) as string }) as Error);
  });
});
