import type { Dtype, GraphNode } from '../graph/graph.js';
import type { TfEmitter, TfLowering } from './emitter.js';

/** TensorFlow lowerings of elementwise kernels. */

const typeOf = (node: GraphNode, emit: TfEmitter): Dtype => emit.info(node.inputs[0]!).dtype;
const direct =
  (op: string): TfLowering =>
  (node, inputs, emit) =>
    emit.typed(op, typeOf(node, emit), inputs);
/** Ops without a type attribute. */
const plain =
  (op: string): TfLowering =>
  (_node, inputs, emit) =>
    emit.add(op, inputs);

const SAME = [
  'Abs',
  'Acos',
  'Acosh',
  'Asin',
  'Asinh',
  'Atan',
  'Atanh',
  'BitwiseAnd',
  'Ceil',
  'Cos',
  'Cosh',
  'Elu',
  'Equal',
  'Erf',
  'Exp',
  'Expm1',
  'Floor',
  'IsFinite',
  'IsInf',
  'IsNan',
  'Log',
  'Log1p',
  'Maximum',
  'Minimum',
  'Neg',
  'NotEqual',
  'Pow',
  'Reciprocal',
  'Relu',
  'Relu6',
  'Round',
  'Rsqrt',
  'Selu',
  'Sigmoid',
  'Sign',
  'Sin',
  'Sinh',
  'Softplus',
  'Sqrt',
  'Square',
  'SquaredDifference',
  'Sub',
  'Tan',
  'Tanh',
];

/** TensorFlow orders numbers only, so flags are cast. */
const comparison =
  (op: string): TfLowering =>
  (node, inputs, emit) => {
    const type = typeOf(node, emit);
    return type === 'bool'
      ? emit.typed(
          op,
          'int32',
          inputs.map((input) => emit.cast(input, 'bool', 'int32')),
        )
      : emit.typed(op, type, inputs);
  };

export const ELEMENTWISE: Record<string, TfLowering> = {
  ...Object.fromEntries(SAME.map((kernel) => [kernel, direct(kernel)])),
  ...Object.fromEntries(['Greater', 'GreaterEqual', 'Less', 'LessEqual'].map((kernel) => [kernel, comparison(kernel)])),
  ...Object.fromEntries(['LogicalAnd', 'LogicalNot', 'LogicalOr'].map((kernel) => [kernel, plain(kernel)])),
  Add: direct('AddV2'),
  Multiply: direct('Mul'),
  // TensorFlow.js truncates a quotient of integers; TensorFlow's RealDiv has no integer kernel.
  RealDiv: (node, inputs, emit) => {
    const type = typeOf(node, emit);
    const divided = emit.typed(
      'RealDiv',
      'float32',
      inputs.map((input) => emit.cast(input, type, 'float32')),
    );
    return emit.cast(divided, 'float32', type);
  },
  AddN: (node, inputs, emit) => emit.typed('AddN', typeOf(node, emit), inputs, { N: { int: inputs.length } }),
  Mod: direct('FloorMod'),
  FloorDiv: (node, inputs, emit) => emit.cast(emit.typed('FloorDiv', typeOf(node, emit), inputs), typeOf(node, emit), 'int32'),
  Cast: (node, inputs, emit) => emit.cast(inputs[0]!, typeOf(node, emit), node.attrs.dtype as Dtype),
  Select: (node, inputs, emit) => emit.typed('SelectV2', emit.info(node.inputs[1]!).dtype, inputs),
  EluGrad: (_node, inputs, emit) => emit.typed('EluGrad', 'float32', inputs),
  LeakyRelu: (node, inputs, emit) => emit.typed('LeakyRelu', 'float32', inputs, { alpha: { float: node.attrs.alpha as number } }),
  Prelu: (_node, [x, alpha], emit) => {
    const negative = emit.typed('Less', 'float32', [x!, emit.scalar(0, 'float32')]);
    return emit.typed('SelectV2', 'float32', [negative, emit.typed('Mul', 'float32', [alpha!, x!]), x!]);
  },
  Step: (node, [x], emit) => {
    const positive = emit.typed('Greater', 'float32', [x!, emit.scalar(0, 'float32')]);
    const alpha = node.attrs.alpha as number;
    if (alpha === 0) return emit.cast(positive, 'bool', 'float32');
    return emit.typed('SelectV2', 'float32', [positive, emit.scalar(1, 'float32'), emit.scalar(alpha, 'float32')]);
  },
  ClipByValue: (node, [x], emit) => {
    const type = typeOf(node, emit);
    const above = emit.typed('Maximum', type, [x!, emit.scalar(node.attrs.clipValueMin as number, type)]);
    return emit.typed('Minimum', type, [above, emit.scalar(node.attrs.clipValueMax as number, type)]);
  },
};
