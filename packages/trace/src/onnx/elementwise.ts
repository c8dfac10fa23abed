import { tf } from '../tf.js';
import type { Dtype, GraphNode } from '../graph/graph.js';
import type { Emitter, Lowering } from './emitter.js';

/** ONNX lowerings of elementwise kernels. Constants are those of the tfjs-cpu kernels. */

const named = (node: GraphNode): { outputs: string[] } => ({ outputs: node.outputs });
const direct =
  (op: string): Lowering =>
  (node, emit) =>
    void emit.add(op, node.inputs, {}, named(node));
const typeOf = (node: GraphNode, emit: Emitter): Dtype => emit.info(node.inputs[0]!).dtype;
// tf.backend_util has only the product of the two and the scale.
const SELU_ALPHA = tf.backend_util.SELU_SCALEALPHA / tf.backend_util.SELU_SCALE;
const SELU_SCALE = tf.backend_util.SELU_SCALE;
const number = (node: GraphNode, key: string): number => node.attrs[key] as number;

const DIRECT: Record<string, string> = {
  Abs: 'Abs',
  Acos: 'Acos',
  Acosh: 'Acosh',
  Add: 'Add',
  Asin: 'Asin',
  Asinh: 'Asinh',
  Atan: 'Atan',
  Atanh: 'Atanh',
  BitwiseAnd: 'BitwiseAnd',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Cosh: 'Cosh',
  Elu: 'Elu',
  Equal: 'Equal',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  IsInf: 'IsInf',
  IsNan: 'IsNaN',
  Log: 'Log',
  LogicalAnd: 'And',
  LogicalNot: 'Not',
  LogicalOr: 'Or',
  Maximum: 'Max',
  Minimum: 'Min',
  Multiply: 'Mul',
  Pow: 'Pow',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sign: 'Sign',
  Sin: 'Sin',
  Sinh: 'Sinh',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Sub: 'Sub',
  Tan: 'Tan',
  Tanh: 'Tanh',
};

/** ONNX orders numbers only, so flags are cast. */
function comparison(op: string): Lowering {
  return (node, emit) => {
    const inputs = typeOf(node, emit) === 'bool' ? node.inputs.map((input) => emit.cast(input, 'int32')) : node.inputs;
    emit.add(op, inputs, {}, named(node));
  };
}

export const ELEMENTWISE: Record<string, Lowering> = {
  ...Object.fromEntries(Object.entries(DIRECT).map(([kernel, op]) => [kernel, direct(op)])),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  NotEqual: (node, emit) => void emit.add('Not', [emit.add('Equal', node.inputs)], {}, named(node)),
  Select: (node, emit) => {
    const [condition, t, e] = node.inputs as [string, string, string];
    if (emit.info(t).dtype !== 'bool') return void emit.add('Where', node.inputs, {}, named(node));
    // ONNX Runtime's Where does not take flags.
    emit.add('Or', [emit.add('And', [condition, t]), emit.add('And', [emit.add('Not', [condition]), e])], {}, named(node));
  },
  Cast: (node, emit) => void emit.cast(node.inputs[0]!, node.attrs.dtype as Dtype, node.outputs[0]),
  // ONNX's Sum takes floats only.
  AddN: (node, emit) => {
    if (typeof node.inputs[1] === 'string' && typeOf(node, emit) === 'float32') return void emit.add('Sum', node.inputs, {}, named(node));
    const last = node.inputs.at(-1)!;
    const sum = node.inputs.slice(0, -1).reduce((a, b) => emit.add('Add', [a, b]));
    emit.add('Add', [sum, last], {}, named(node));
  },
  // ONNX Runtime turns 1 / x into a reciprocal, which forgets the axes that only the 1 has.
  RealDiv: (node, emit) => {
    const [a, b] = node.inputs as [string, string];
    const [from, to] = [emit.info(b).shape, emit.info(a).shape];
    const one = from.length < to.length && [...from, ...to].every((dim) => dim === 1);
    emit.add('Div', [a, one ? emit.reshape(b, from, to) : b], {}, named(node));
  },
  // ONNX Runtime's Neg takes about twice the time of its Mul.
  Neg: (node, emit) => {
    if (typeOf(node, emit) === 'float32') emit.add('Mul', [node.inputs[0]!, emit.scalar(-1, 'float32')], {}, named(node));
    else emit.add('Neg', node.inputs, {}, named(node));
  },
  Rsqrt: (node, emit) => void emit.add('Reciprocal', [emit.add('Sqrt', node.inputs)], {}, named(node)),
  Square: (node, emit) => void emit.add('Mul', [node.inputs[0]!, node.inputs[0]!], {}, named(node)),
  SquaredDifference: (node, emit) => {
    const difference = emit.add('Sub', node.inputs);
    emit.add('Mul', [difference, difference], {}, named(node));
  },
  // eˣ − 1 = tanh(x/2)·(eˣ + 1), which keeps the digits of a small x.
  Expm1: (node, emit) => {
    const one = emit.scalar(1, 'float32');
    const half = emit.add('Tanh', [emit.add('Mul', [node.inputs[0]!, emit.scalar(0.5, 'float32')])]);
    emit.add('Mul', [half, emit.add('Add', [emit.add('Exp', node.inputs), one])], {}, named(node));
  },
  // Kahan: with u = 1 + x, the errors of log u and of u − 1 cancel in x · log u / (u − 1).
  Log1p: (node, emit) => {
    const x = node.inputs[0]!;
    const [zero, one] = [emit.scalar(0, 'float32'), emit.scalar(1, 'float32')];
    const u = emit.add('Add', [x, one]);
    const log = emit.add('Log', [u]);
    const rest = emit.add('Sub', [u, one]);
    const exact = emit.add('Mul', [log, emit.add('Div', [x, rest])]);
    const small = emit.add('Where', [emit.add('Equal', [rest, zero]), x, exact]);
    emit.add('Where', [emit.add('Less', [emit.add('Abs', [x]), one]), small, log], {}, named(node));
  },
  Relu6: (node, emit) => {
    const type = typeOf(node, emit);
    emit.add('Clip', [node.inputs[0]!, emit.scalar(0, type), emit.scalar(6, type)], {}, named(node));
  },
  Selu: (node, emit) => void emit.add('Selu', node.inputs, { alpha: { float: SELU_ALPHA }, gamma: { float: SELU_SCALE } }, named(node)),
  LeakyRelu: (node, emit) => void emit.add('LeakyRelu', node.inputs, { alpha: { float: number(node, 'alpha') } }, named(node)),
  Prelu: (node, emit) => {
    const [x, alpha] = node.inputs as [string, string];
    emit.add('Where', [emit.add('Less', [x, emit.scalar(0, 'float32')]), emit.add('Mul', [alpha, x]), x], {}, named(node));
  },
  EluGrad: (node, emit) => {
    // y ≥ 0 ? dy : dy · (y + 1)
    const [dy, y] = node.inputs as [string, string];
    const slope = emit.add('Min', [emit.add('Add', [y, emit.scalar(1, 'float32')]), emit.scalar(1, 'float32')]);
    emit.add('Mul', [dy, slope], {}, named(node));
  },
  Step: (node, emit) => {
    const positive = emit.add('Greater', [node.inputs[0]!, emit.scalar(0, 'float32')]);
    const alpha = number(node, 'alpha');
    if (alpha === 0) emit.cast(positive, 'float32', node.outputs[0]);
    else emit.add('Where', [positive, emit.scalar(1, 'float32'), emit.scalar(alpha, 'float32')], {}, named(node));
  },
  ClipByValue: (node, emit) => {
    const type = typeOf(node, emit);
    emit.add(
      'Clip',
      [node.inputs[0]!, emit.scalar(number(node, 'clipValueMin'), type), emit.scalar(number(node, 'clipValueMax'), type)],
      {},
      named(node),
    );
  },
  IsFinite: (node, emit) => {
    const x = node.inputs[0]!;
    emit.add('Not', [emit.add('Or', [emit.add('IsInf', [x]), emit.add('IsNaN', [x])])], {}, named(node));
  },
  FloorDiv: (node, emit) => {
    const [a, b] = node.inputs as [string, string];
    if (typeOf(node, emit) === 'float32') return void emit.cast(emit.add('Floor', [emit.add('Div', [a, b])]), 'int32', node.outputs[0]);
    // ONNX truncates a quotient of integers. Subtracting the floored remainder first makes the quotient exact.
    emit.add('Div', [emit.add('Sub', [a, emit.add('Mod', [a, b])]), b], {}, named(node));
  },
  Mod: (node, emit) => {
    const [a, b] = node.inputs as [string, string];
    if (typeOf(node, emit) === 'int32') return void emit.add('Mod', [a, b], {}, named(node));
    // The sign of the result is that of the divisor; ONNX has only the truncated remainder for floats.
    const zero = emit.scalar(0, 'float32');
    const rest = emit.add('Mod', [a, b], { fmod: { int: 1 } });
    const crosses = emit.add('Xor', [emit.add('Less', [a, zero]), emit.add('Less', [b, zero])]);
    const shifted = emit.add('Mod', [emit.add('Add', [rest, b]), b], { fmod: { int: 1 } });
    emit.add('Where', [crosses, shifted, rest], {}, named(node));
  },
};
