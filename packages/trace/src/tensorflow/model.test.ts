import { tf } from '../tf.js';
import { readSavedModel, type ReadNode } from '@mdiff/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNEL_INPUTS, TENSORFLOW, toSavedModel, trace, type Graph, type SavedModelSignature } from '../index.js';
import { REWRITTEN } from '../record/kernels.js';
import { SLICES } from '../record/slices.js';
import { encodeSavedModel } from './encode.js';

// These tests read the files with Node alone; checks/native/savedmodel.mjs runs them in native TensorFlow.

const variable = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const WHOLE = { w: variable(3, 2), m: variable(3, 2), v: variable(3, 2), ema: variable(3, 2), n: { shape: [], dtype: 'int32' as const } };

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
/** The nodes that TensorFlow runs to return `tensor`. */
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
    const lowered = [...new Set([...Object.keys(TENSORFLOW), ...SLICES.keys()])];
    expect(lowered.sort()).toEqual([...KERNEL_INPUTS.keys()].filter((name) => !REWRITTEN.includes(name)).sort());
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
    expect(Object.entries(signatures.read!.outputs).map(([name, { type }]) => [name, type])).toEqual([
      ['w', 1],
      ['m', 1],
      ['v', 1],
      ['ema', 1],
      ['n', 3],
    ]);
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
    const graph = trace(({ x }) => ({ y: tf.add(tf.mul(x!, table), tf.fill([4096, 1, 1], 3)) }), {
      inputs: { x: { shape: [64, 64], dtype: 'float32' } },
    });
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

  it('lets a signature update variables that its graph does not', () => {
    const model = one({
      update: (writer) => {
        const { tensor, ...info } = writer.take('gradient', 'gradient');
        writer.claim('w', 'weight', { ...info, what: 'gradient' });
        const rate = writer.input('rate', 'float32', []);
        const change = writer.emit.typed('Mul', 'float32', [tensor, rate]);
        writer.wait(writer.assign('w', writer.emit.typed('Sub', 'float32', [writer.read('w'), change])));
        writer.output('change', change, info);
      },
    });
    expect(Object.keys(model.signatures.step!.inputs)).toEqual(['x', 'rate']);
    expect(Object.keys(model.signatures.step!.outputs)).toEqual(['change', 'loss', 'rows']);
    const assigned = ops(model.nodes, 'AssignVariableOp').filter(({ name }) => name.startsWith('step/'));
    expect(assigned.map(({ inputs }) => inputs[0])).toEqual(['variable/n', 'variable/w']);
    for (const { tensor } of Object.values(model.signatures.step!.outputs))
      for (const { name } of assigned) expect(needed(model, tensor)).toContain(name);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'an update of an unknown output',
      () => one({ update: (writer) => void writer.take('g', 'gradient') }),
      /gradient 'g' is no output of the graph; expected one of loss, gradient, rows/,
    ],
    [
      'an update of a variable that the graph updates',
      () => one({ update: (writer) => writer.claim('n', 'weight') }),
      /weight 'n' is changed twice/,
    ],
    ['a reserved signature', () => toSavedModel({ variables: WHOLE, signatures: { init: { graph: step } } }), /signature 'init'.*rename/],
    [
      'an unknown variable',
      () => one({}, { w: WHOLE.w } as typeof WHOLE),
      /signature 'step': variable 'n' is no variable; expected one of w/,
    ],
    ['another shape', () => one({}, { ...WHOLE, w: variable(2, 3) }), /variable 'w' is float32\[3,2\]; expected float32\[2,3\]/],
    ['an unknown flat output', () => one({ flat: { name: 'all', outputs: ['x'] } }), /flat output 'x' is no output/],
    ['an empty flat output', () => one({ flat: { name: 'all', outputs: [] } }), /has no parts/],
    ['clashing outputs', () => one({ flat: { name: 'loss', outputs: ['gradient'] } }), /two outputs are called 'loss'/],
    [
      'an input called as a variable',
      () => toSavedModel({ variables: { ...WHOLE, x: variable(1) }, signatures: { step: { graph: step } } }),
      /input 'x' has the name of another/,
    ],
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
