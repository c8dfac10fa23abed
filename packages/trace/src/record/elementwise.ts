import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Dtype } from '../graph/graph.js';
import type { Value } from './recorder.js';
import { arithmeticType, call, cast, define, recordKernel, refuseType } from './rules.js';

/** Recording rules of elementwise kernels. */

const { backend_util } = tf;

/**
 * The types of each kernel: those of tfjs-cpu, or a refusal.
 * - FLOAT: float32 from every type.
 * - FLOAT_ONLY: float32 only. TensorFlow.js cuts the result of integers to an integer, which no other library does.
 * - KEPT: the type of the input; flags stay as they are, except that they cannot be negated.
 */
const FLOAT = ['Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'Log', 'Rsqrt', 'Sigmoid', 'Sin', 'Sqrt', 'Tan', 'Tanh'];
const FLOAT_ONLY = ['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Expm1', 'Log1p', 'Reciprocal', 'Selu', 'Sinh', 'Softplus'];
const KEPT = ['Abs', 'Neg', 'Relu', 'Relu6', 'Sign', 'Square'];

const floatOnly = (name: string, x: Value): void => {
  if (x.dtype !== 'float32') refuseType(name, x.dtype, "TensorFlow.js cuts its results to integers; cast with tf.cast(x, 'float32') first");
};

define(FLOAT, ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'float32')]);
define(FLOAT_ONLY, ['x'], (name) => (r, [x]) => {
  floatOnly(name, x!);
  return [r.emit(name, [x!], {}, x!.shape, 'float32')];
});
define(KEPT, ['x'], (name) => (r, [x]) => {
  if (x!.dtype !== 'bool') return [r.emit(name, [x!], {}, x!.shape, x!.dtype)];
  return name === 'Neg' ? refuseType(name, 'bool', 'use tf.logicalNot, or cast flags first') : [x!];
});
define(['Ceil', 'Floor', 'Round'], ['x'], (name) => (r, [x]) => [
  x!.dtype === 'float32' ? r.emit(name, [x!], {}, x!.shape, 'float32') : x!,
]);
define(['IsFinite', 'IsInf', 'IsNan'], ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'bool')]);
define('LogicalNot', ['x'], (name) =>
  (r, [x]) => [r.emit(name, [x!], {}, x!.shape, 'bool')]);
define('LeakyRelu', ['x'], (name) =>
  (r, [x], { alpha }) => [r.emit(name, [cast(r, x!, 'float32')], { alpha: alpha as number }, x!.shape, 'float32')]);
define('Step', ['x'], (name) =>
  (r, [x], attrs) => {
    floatOnly(name, x!);
    return [r.emit(name, [x!], { alpha: (attrs.alpha as number) ?? 0 }, x!.shape, 'float32')];
  });
define('ClipByValue', ['x'], (name) =>
  (r, [x], attrs) => {
    const bounds = [attrs.clipValueMin as number, attrs.clipValueMax as number];
    if (x!.dtype === 'bool') refuseType(name, 'bool', "cast flags with tf.cast(x, 'int32') first");
    // An integer cannot pass a bound without reaching the whole number before it, nor a bound beyond int32.
    const [least, most] = bounds.map((bound) =>
      x!.dtype === 'int32' ? Math.trunc(Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), bound))) : bound,
    );
    return [r.emit(name, [x!], { clipValueMin: least!, clipValueMax: most! }, x!.shape, x!.dtype)];
  });
define('Cast', ['x'], () =>
  (r, [x], { dtype }) => {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw new TraceError(`Cast to ${String(dtype)} cannot be traced; use float32, int32 or bool`);
    return [cast(r, x!, dtype)];
  });
define('Identity', ['x'], () =>
  (_r, [x]) => [x!]);

// Elementwise, two inputs
const broadcast = (a: Value, b: Value): number[] => backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
define(
  ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'Mod', 'Pow', 'SquaredDifference'],
  ['a', 'b'],
  (name) =>
    (r, [a, b]) => {
      // The product of flags is a flag; other results are not.
      if (name === 'Multiply' && a!.dtype === 'bool' && b!.dtype === 'bool') return recordKernel(r, 'LogicalAnd', [a!, b!], {});
      return [r.emit(name, [a!, b!], {}, broadcast(a!, b!), arithmeticType(name, a!, b!))];
    },
);
// atan |a| ÷ |b| in the right quadrant, which the signs of zeros choose too: 1 ÷ −0 is −∞.
define('Atan2', ['a', 'b'], (name) =>
  (r, [a, b]) => {
    if (arithmeticType(name, a!, b!) !== 'float32') floatOnly(name, a!);
    const shape = broadcast(a!, b!);
    const [y, x] = [a!, b!].map((value) => call(r, 'BroadcastTo', [value], { shape })) as [Value, Value];
    const zero = r.constant([0], [], 'float32');
    const negative = (value: Value): Value =>
      call(r, 'LogicalOr', [call(r, 'Less', [value, zero]), call(r, 'Less', [call(r, 'Reciprocal', [value]), zero])]);
    const [rise, run] = [call(r, 'Abs', [y]), call(r, 'Abs', [x])];
    // 0 ÷ 0 counts as 0 and ∞ ÷ ∞ as 1.
    const equal = cast(r, call(r, 'Greater', [rise, zero]), 'float32');
    const slope = call(r, 'Select', [call(r, 'Equal', [rise, run]), equal, call(r, 'RealDiv', [rise, run])]);
    const angle = call(r, 'Atan', [slope]);
    const half = call(r, 'Select', [negative(x), call(r, 'Sub', [r.constant([Math.PI], [], 'float32'), angle]), angle]);
    // A product, because ONNX Runtime's Where takes −0 for 0.
    const [minus, plus] = [-1, 1].map((value) => call(r, 'Fill', [], { shape, value, dtype: 'float32' }));
    return [call(r, 'Multiply', [half, call(r, 'Select', [negative(y), minus!, plus!])])];
  });
define('BitwiseAnd', ['a', 'b'], (name) =>
  (r, [a, b]) => {
    if (a!.dtype !== 'int32' || b!.dtype !== 'int32') refuseType(name, `${a!.dtype} and ${b!.dtype}`, 'use int32');
    return [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'int32')];
  });
define('FloorDiv', ['a', 'b'], (name) =>
  (r, [a, b]) => {
    arithmeticType(name, a!, b!);
    return [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'int32')];
  });
define(
  ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'],
  ['a', 'b'],
  (name) =>
    (r, [a, b]) => {
      if (a!.dtype !== b!.dtype) arithmeticType(name, a!, b!);
      return [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'bool')];
    },
);
define('Prelu', ['x', 'alpha'], (name) =>
  (r, [x, alpha]) => [r.emit(name, [cast(r, x!, 'float32'), cast(r, alpha!, 'float32')], {}, broadcast(x!, alpha!), 'float32')]);
define('EluGrad', ['dy', 'y'], (name) =>
  (r, [dy, y]) => [r.emit(name, [dy!, y!], {}, y!.shape, 'float32')]);
define(
  'AddN',
  'list',
  (name) => (r, inputs) =>
    inputs.length === 1
      ? inputs
      : [r.emit(name, inputs, {}, inputs[0]!.shape, inputs.map((input) => arithmeticType(name, inputs[0]!, input))[0]!)],
);
define('Select', ['condition', 't', 'e'], (name) =>
  (r, [condition, t, e]) => {
    if (condition!.shape.length !== t!.shape.length)
      throw new TraceError('Select with a condition of another rank than its values cannot be traced; use tf.where, which broadcasts them');
    const dtype = tf.upcastType(t!.dtype, e!.dtype) as Dtype;
    return [r.emit(name, [cast(r, condition!, 'bool'), cast(r, t!, dtype), cast(r, e!, dtype)], {}, t!.shape, dtype)];
  });
