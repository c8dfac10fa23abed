import * as tf from '@tensorflow/tfjs';
import { TraceError } from './error.js';
import type { Dtype } from './graph.js';
import type { Value } from './recorder.js';
import { axesOf, axisOf, cast, define, numeric, run } from './rules.js';

/** Recording rules of elementwise kernels, products, reductions and scans. */

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

// Products
define('BatchMatMul', ['a', 'b'], (name) =>
  (r, [a, b], attrs) => {
    const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
    const outer = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const shape = [...outer, a!.shape.at(transposeA ? -1 : -2)!, b!.shape.at(transposeB ? -2 : -1)!];
    return [r.emit(name, [a!, b!], { transposeA, transposeB }, shape, a!.dtype)];
  });
define('_FusedMatMul', ['a', 'b', 'bias', 'preluActivationWeights'], () =>
  (r, [a, b, bias, weights], attrs) => {
    let [y] = run(r, 'BatchMatMul', [a!, b!], attrs);
    if (bias) [y] = run(r, 'Add', [y!, bias], {});
    const activation = ((attrs.activation as string) ?? 'linear').toLowerCase();
    if (activation === 'linear') return [y!];
    if (activation === 'prelu') return run(r, 'Prelu', [y!, weights!], {});
    const kernel = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', leakyrelu: 'LeakyRelu', sigmoid: 'Sigmoid' }[activation];
    if (!kernel)
      throw new TraceError(
        `fused matMul with activation '${activation}' cannot be traced; use tf.matMul and apply the activation after it`,
      );
    return run(r, kernel, [y!], { alpha: attrs.leakyreluAlpha });
  });
define('Einsum', 'list', (name) => (r, inputs, attrs) => {
  const equation = (attrs.equation as string).replace(/\s/g, '');
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, inputs.length);
  const sizes = allDims.map(
    (_, dim) => idDims.flatMap((ids, i) => ids.flatMap((id, axis) => (id === dim ? [inputs[i]!.shape[axis]!] : [])))[0]!,
  );
  const kept = allDims.length - summedDims.length;
  return [r.emit(name, inputs, { equation }, sizes.slice(0, kept), inputs[0]!.dtype)];
});

// Reductions
function reduction(names: string[], key: string, dtype: (x: Value) => Dtype): void {
  define(names, ['x'], (name) => (r, [x], attrs) => {
    const axes = axesOf(attrs[key], x!.shape);
    const keepDims = Boolean(attrs.keepDims);
    const shape = x!.shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
    if (axes.length === 0) return [cast(r, x!, dtype(x!))];
    const input = name === 'Mean' ? cast(r, x!, 'float32') : name === 'Sum' && x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!;
    return [r.emit(name, [input], { [key]: axes, keepDims }, shape, dtype(x!))];
  });
}
reduction(['Sum', 'Prod'], 'axis', numeric);
reduction(['Min'], 'axis', (x) => x.dtype);
reduction(['Max'], 'reductionIndices', (x) => x.dtype);
reduction(['Mean'], 'axis', () => 'float32');
reduction(['All', 'Any'], 'axis', () => 'bool');
define(['ArgMax', 'ArgMin'], ['x'], (name) => (r, [x], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  return [
    r.emit(
      name,
      [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!],
      { axis },
      x!.shape.filter((_, i) => i !== axis),
      'int32',
    ),
  ];
});
define('Softmax', ['logits'], (name) =>
  (r, [x], { dim }) => [r.emit(name, [cast(r, x!, 'float32')], { dim: axisOf(dim, x!.shape) }, x!.shape, 'float32')]);
define('Cumsum', ['x'], (name) =>
  (r, [x], attrs) => [
    r.emit(
      name,
      [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!],
      { axis: axisOf(attrs.axis, x!.shape), exclusive: Boolean(attrs.exclusive), reverse: Boolean(attrs.reverse) },
      x!.shape,
      numeric(x!),
    ),
  ]);
define('TopK', ['x'], (name) =>
  (r, [x], attrs) => {
    const shape = [...x!.shape.slice(0, -1), attrs.k as number];
    return r.emitAll(name, [x!], { k: attrs.k as number, sorted: attrs.sorted !== false }, [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int32' },
    ]);
  });
