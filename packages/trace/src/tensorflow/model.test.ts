import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADAMW_INPUTS, KERNEL_INPUTS, TENSORFLOW, toSavedModel, trace, type Graph, type SavedModelSignature } from '../index.js';
import { REWRITTEN } from '../record/kernels.js';
import { encodeSavedModel } from './encode.js';
import { readSavedModel, type ReadNode } from './encode.test.util.js';

// What TensorFlow makes of these files is checked by checks/native/savedmodel.mjs; here, with Node alone, what is in them.

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
      const { value, grad } = tf.valueAndGrad((weights: tf.Tensor) => tf.sum(tf.square(tf.matMul(x!, weights))))(w) as { value: tf.Tensor; grad: tf.Tensor };
      n.assign(tf.add(n, tf.scalar(1, 'int32')));
      return { loss: value, gradient: grad, rows: tf.reshape(x!, [-1]) };
    },
    { inputs: { x: { shape: ['rows', 3], dtype: 'float32' } }, variables: { w, n } },
  );
});
afterAll(() => tf.disposeVariables());

const one = (signature: Partial<SavedModelSignature> = {}, variables = WHOLE) => readSavedModel(toSavedModel({ variables, signatures: { step: { graph: step, ...signature } } }));
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

describe('a SavedModel', () => {
  it('has a lowering for every kernel that can stand in a graph', () => {
    expect(Object.keys(TENSORFLOW).sort()).toEqual([...KERNEL_INPUTS.keys()].filter((name) => !REWRITTEN.includes(name)).sort());
  });

  it('is tagged serve, names its nodes once, after their inputs, as TensorFlow allows', () => {
    const model = one();
    expect(model.tags).toEqual(['serve']);
    expect(model.versions).toEqual({ 1: 1087, 2: 12 });
    expect(model.byName.size).toBe(model.nodes.length);
    const before = new Set<string>();
    for (const { name, inputs } of model.nodes) {
      expect(name).toMatch(/^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/);
      for (const input of inputs) expect(before, `${input} of ${name}`).toContain(input.replace(/^\^/, '').replace(/:\d+$/, ''));
      before.add(name);
    }
  });

  it('has signatures of the graphs, init and read, with symbolic sizes as -1', () => {
    const { signatures } = one();
    expect(Object.keys(signatures)).toEqual(['step', 'init', 'read']);
    expect(signatures.step!.method).toBe('tensorflow/serving/predict');
    expect(signatures.step!.inputs).toEqual({ x: { tensor: 'step/x:0', type: 1, shape: [-1, 3] } });
    expect(Object.entries(signatures.step!.outputs).map(([name, { type, shape }]) => [name, type, shape])).toEqual([
      ['loss', 1, []],
      ['gradient', 1, [3, 2]],
      ['rows', 1, [-1]],
    ]);
    expect(Object.keys(signatures.init!.inputs)).toEqual(Object.keys(WHOLE));
    expect(Object.keys(signatures.init!.outputs)).toEqual(['done']);
    expect(Object.entries(signatures.read!.outputs).map(([name, { type }]) => [name, type])).toEqual([['w', 1], ['m', 1], ['v', 1], ['ema', 1], ['n', 3]]);
  });

  it('reads each variable once and assigns it after that read and before any output', () => {
    const model = one();
    const reads = ops(model.nodes, 'ReadVariableOp').filter(({ name }) => name.startsWith('step/'));
    expect(reads.map(({ inputs }) => inputs)).toEqual([['variable/w'], ['variable/n']]);
    const [assign] = ops(model.nodes, 'AssignVariableOp').filter(({ name }) => name.startsWith('step/'));
    expect(assign!.inputs).toEqual(['variable/n', expect.stringMatching(/^step\/AddV2/), `^${reads[1]!.name}`]);
    for (const { tensor } of Object.values(model.signatures.step!.outputs)) expect(needed(model, tensor)).toContain(assign!.name);
  });

  it('shares variables between signatures', () => {
    const model = readSavedModel(toSavedModel({ variables: WHOLE, signatures: { a: { graph: step }, b: { graph: step } } }));
    expect(ops(model.nodes, 'VarHandleOp').map(({ attrs }) => attrs.shared_name)).toEqual(Object.keys(WHOLE));
    expect(model.signatures.a!.inputs.x!.tensor).not.toBe(model.signatures.b!.inputs.x!.tensor);
  });

  it('multiplies with BatchMatMulV2 only, whose operands bfloat16 rounds', () => {
    const bare = one().nodes;
    expect(ops(bare, 'MatMul')).toEqual([]);
    const products = ops(bare, 'BatchMatMulV2');
    expect(products.map(({ attrs }) => attrs)).toEqual([
      { T: 1, adj_x: 0, adj_y: 0 },
      { T: 1, adj_x: 1, adj_y: 0 },
    ]);
    const model = readSavedModel(toSavedModel({ variables: WHOLE, signatures: { step: { graph: step } }, bfloat16: true }));
    const rounded = ops(model.nodes, 'BatchMatMulV2');
    expect(rounded.map(({ attrs }) => attrs.T)).toEqual([14, 14]);
    for (const { name, inputs } of rounded) {
      for (const input of inputs) expect(model.byName.get(input)).toMatchObject({ op: 'Cast', attrs: { SrcT: 1, DstT: 14 } });
      expect(model.nodes.find((node) => node.inputs[0] === name)).toMatchObject({ op: 'Cast', attrs: { SrcT: 14, DstT: 1 } });
    }
    // x is rounded once for both products.
    expect(rounded[0]!.inputs[0]).toBe(rounded[1]!.inputs[0]);
  });

  it('writes constants of one value in a few bytes', () => {
    const table = tf.fill([64, 64], 0.5);
    const graph = trace(({ x }) => ({ y: tf.add(tf.mul(x!, table), tf.fill([4096, 1, 1], 3)) }), { inputs: { x: { shape: [64, 64], dtype: 'float32' } } });
    table.dispose();
    // The table and the fill as traced; also baked by hand, as folding could.
    graph.constants.again = new Float32Array(1024).fill(7);
    graph.values.again = { shape: [1024], dtype: 'float32' };
    expect(toSavedModel({ variables: {}, signatures: { f: { graph } } }).length).toBeLessThan(2000);
  });

  it('returns one flat vector in the order asked for', () => {
    const model = one({ flat: { name: 'all', outputs: ['gradient', 'loss'] } });
    expect(Object.keys(model.signatures.step!.outputs)).toEqual(['all', 'rows']);
    const result = model.byName.get(model.signatures.step!.outputs.all!.tensor.replace(':0', ''))!;
    const joined = model.byName.get(result.inputs[0]!)!;
    expect(joined.op).toBe('ConcatV2');
    expect(joined.attrs.N).toBe(2);
  });

  it('runs AdamW with the fused kernel on every slot, after every gradient and before any output', () => {
    const model = one({ adamw: ADAMW });
    expect(Object.keys(model.signatures.step!.inputs)).toEqual(['x', ...ADAMW_INPUTS]);
    expect(Object.keys(model.signatures.step!.outputs)).toEqual(['grad_norm', 'loss', 'rows']);
    const [apply] = ops(model.nodes, 'ResourceApplyAdam');
    expect(apply!.inputs.slice(0, 3)).toEqual(['variable/w', 'variable/m', 'variable/v']);
    const assigned = ops(model.nodes, 'AssignVariableOp').filter(({ name }) => name.startsWith('step/')).map(({ inputs }) => inputs[0]);
    expect(assigned).toEqual(['variable/n', 'variable/w', 'variable/ema']);
    for (const { tensor } of Object.values(model.signatures.step!.outputs)) expect(needed(model, tensor)).toContain(apply!.name);
    // Without decay the parameters are written by the kernel alone.
    const { nodes } = one({ adamw: { ...ADAMW, slots: [{ ...SLOT, decay: false }] } });
    expect(ops(nodes, 'AssignVariableOp').filter(({ name, inputs }) => name.startsWith('step/') && inputs[0] === 'variable/w')).toEqual([]);
  });

  it('runs AdamW in one operation of the runtime, over the memory of variables and behind everything that reads it', () => {
    const graph = trace(({ x }) => ({ gradient: tf.add(tf.reshape(tf.neg(tf.reshape(w, [6])), [3, 2]), tf.mul(w, tf.sum(x!))) }), { inputs: { x: { shape: [2], dtype: 'float32' } }, variables: { w } });
    const written = (more: Graph = graph) => readSavedModel(toSavedModel({ variables: WHOLE, signatures: { step: { graph: more, adamw: ADAMW } }, ops: { adamw: 'A' } }));
    const model = written();
    const [update] = ops(model.nodes, 'A');
    expect(update!.inputs.slice(0, 3).map((name) => model.byName.get(name)).map((node) => [node!.op, node!.inputs[0]])).toEqual(['w', 'm', 'v'].map((name) => ['ReadVariableOp', `variable/${name}`]));
    const waits = update!.inputs.filter((name) => name.startsWith('^')).map((name) => model.byName.get(name.slice(1))!.op);
    // The reshaped read is the same memory, so what reads that counts too.
    expect(waits.sort()).toEqual(['Mul', 'Neg', 'Reshape']);
    expect(ops(model.nodes, 'ResourceApplyAdam')).toEqual([]);
    expect(ops(model.nodes, 'AssignVariableOp').filter(({ name }) => name.startsWith('step/')).map(({ inputs }) => inputs[0])).toEqual(['variable/ema']);
    for (const { tensor } of Object.values(model.signatures.step!.outputs)) expect(needed(model, tensor)).toContain(update!.name);
    // Who asks for the old weights gets them.
    const [output] = graph.outputs;
    expect(ops(written({ ...graph, outputs: [output!, { name: 'before', value: 'w' }] }).nodes, 'A')).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a reserved signature', () => toSavedModel({ variables: WHOLE, signatures: { init: { graph: step } } }), /signature 'init'.*rename/],
    ['an unknown variable', () => one({}, { w: WHOLE.w } as typeof WHOLE), /signature 'step': variable 'n' is no variable; expected one of w/],
    ['another shape', () => one({}, { ...WHOLE, w: variable(2, 3) }), /variable 'w' is float32\[3,2\]; expected float32\[2,3\]/],
    ['an unknown gradient', () => one({ adamw: { ...ADAMW, slots: [{ ...SLOT, gradient: 'g' }] } }), /gradient 'g' is no output of the graph; expected one of loss, gradient, rows/],
    ['a gradient of another shape', () => one({ adamw: { ...ADAMW, slots: [{ ...SLOT, gradient: 'loss' }] } }), /gradient 'loss' is float32\[\], but 'w' is float32\[3,2\]/],
    ['an unknown moment', () => one({ adamw: { ...ADAMW, slots: [{ ...SLOT, m: 'first' }] } }), /variable of adamw 'first' is no variable/],
    ['a variable that changes twice', () => one({ adamw: { ...ADAMW, slots: [SLOT, SLOT] } }), /'w' is changed twice/],
    ['an unknown flat output', () => one({ flat: { name: 'all', outputs: ['x'] } }), /flat output 'x' is no output/],
    ['an empty flat output', () => one({ flat: { name: 'all', outputs: [] } }), /has no parts/],
    ['clashing outputs', () => one({ flat: { name: 'loss', outputs: ['gradient'] } }), /two outputs are called 'loss'/],
    ['an input called as a variable', () => toSavedModel({ variables: { ...WHOLE, x: variable(1) }, signatures: { step: { graph: step } } }), /input 'x' has the name of another/],
  ])('refuses %s', (_label, attempt, message) => {
    expect(attempt).toThrow(expect.objectContaining({ code: 'MDIFF_TRACE', message: expect.stringMatching(message) as string }) as Error);
  });

  it('refuses more constants than protobuf holds', () => {
    // The size is refused before anything is read.
    const data = { byteLength: 2 ** 31 } as Uint8Array;
    const node = { name: 'c', op: 'Const', inputs: [], attrs: { value: { tensor: { type: 'float32', dims: [2 ** 29], data } } } } as const;
    expect(() => encodeSavedModel([node], {})).toThrow(/holds 2147483648 bytes of constants, more than/);
  });
});
