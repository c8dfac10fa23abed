import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Value } from './recorder.js';
import { cast, define } from './rules.js';

/** Recording rules of elementwise kernels. */

const { backend_util } = tf;

// Elementwise, float32 out
const FLOAT_UNARY = [
  'Acos',
  'Acosh',
  'Asin',
  'Asinh',
  'Atan',
  'Atanh',
  'Cos',
  'Cosh',
  'Elu',
  'Erf',
  'Exp',
  'Expm1',
  'Log',
  'Log1p',
  'Reciprocal',
  'Rsqrt',
  'Selu',
  'Sigmoid',
  'Sin',
  'Sinh',
  'Softplus',
  'Sqrt',
  'Tan',
  'Tanh',
];
define(FLOAT_UNARY, ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'float32')]);
// Elementwise, type kept
define(['Abs', 'Neg', 'Relu', 'Relu6', 'Sign', 'Square'], ['x'], (name) => (r, [x]) => [r.emit(name, [x!], {}, x!.shape, x!.dtype)]);
define(['Ceil', 'Floor', 'Round'], ['x'], (name) => (r, [x]) => [
  x!.dtype === 'float32' ? r.emit(name, [x!], {}, x!.shape, 'float32') : x!,
]);
define(['IsFinite', 'IsInf', 'IsNan'], ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'bool')]);
define('LogicalNot', ['x'], (name) =>
  (r, [x]) => [r.emit(name, [x!], {}, x!.shape, 'bool')]);
define('LeakyRelu', ['x'], (name) =>
  (r, [x], { alpha }) => [r.emit(name, [cast(r, x!, 'float32')], { alpha: alpha as number }, x!.shape, 'float32')]);
define('Step', ['x'], (name) =>
  (r, [x], attrs) => [r.emit(name, [cast(r, x!, 'float32')], { alpha: (attrs.alpha as number) ?? 0 }, x!.shape, 'float32')]);
define('ClipByValue', ['x'], (name) =>
  (r, [x], attrs) => [
    r.emit(name, [x!], { clipValueMin: attrs.clipValueMin as number, clipValueMax: attrs.clipValueMax as number }, x!.shape, x!.dtype),
  ]);
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
    (r, [a, b]) => [r.emit(name, [a!, b!], {}, broadcast(a!, b!), a!.dtype)],
);
define('FloorDiv', ['a', 'b'], (name) =>
  (r, [a, b]) => [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'int32')]);
define(
  ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'],
  ['a', 'b'],
  (name) =>
    (r, [a, b]) => [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'bool')],
);
define('Prelu', ['x', 'alpha'], (name) =>
  (r, [x, alpha]) => [r.emit(name, [x!, alpha!], {}, broadcast(x!, alpha!), 'float32')]);
define('EluGrad', ['dy', 'y'], (name) =>
  (r, [dy, y]) => [r.emit(name, [dy!, y!], {}, y!.shape, 'float32')]);
define(
  'AddN',
  'list',
  (name) => (r, inputs) => (inputs.length === 1 ? inputs : [r.emit(name, inputs, {}, inputs[0]!.shape, inputs[0]!.dtype)]),
);
define('Select', ['condition', 't', 'e'], (name) =>
  (r, [condition, t, e]) => {
    if (condition!.shape.length !== t!.shape.length)
      throw new TraceError('Select with a condition of another rank than its values cannot be traced; use tf.where, which broadcasts them');
    return [r.emit(name, [cast(r, condition!, 'bool'), t!, e!], {}, t!.shape, t!.dtype)];
  });
