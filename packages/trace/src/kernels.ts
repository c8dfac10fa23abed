import * as tf from '@tensorflow/tfjs';
import { TraceError } from './error.js';
import type { Attrs, Dtype } from './graph.js';
import type { Recorder, Value } from './recorder.js';

/**
 * How a TensorFlow.js kernel is recorded: infers shapes, resolves attributes (negative axes, −1 sizes, masks) and
 * rewrites the kernels that are only spellings of others (Pack, ExpandDims, OnesLike, fused products).
 * Shape rules are those of the tfjs-cpu kernels of 4.22.
 */
type Record_ = (recorder: Recorder, inputs: Value[], attrs: Record<string, unknown>) => Value[];

interface Kernel {
  /** Names of the inputs in the tfjs call, in order; `list` when it takes an array. */
  keys: readonly string[] | 'list';
  record: Record_;
}

const { util, backend_util, slice_util } = tf;
const kernels = new Map<string, Kernel>();
const size = (shape: readonly number[]): number => util.sizeFromShape(shape as number[]);
const axesOf = (axis: unknown, shape: number[]): number[] => util.parseAxisParam(axis as number | number[], shape).slice().sort((a, b) => a - b);
const axisOf = (axis: unknown, shape: number[]): number => util.parseAxisParam(axis as number, shape)[0]!;

function define(names: string | readonly string[], keys: readonly string[] | 'list', record: (name: string) => Record_): void {
  for (const name of typeof names === 'string' ? [names] : names) kernels.set(name, { keys, record: record(name) });
}

const cast = (r: Recorder, x: Value, dtype: Dtype): Value => (x.dtype === dtype ? x : r.emit('Cast', [x], { dtype }, x.shape, dtype));
const reshape = (r: Recorder, x: Value, shape: number[]): Value => r.emit('Reshape', [x], { shape: shape.slice() }, shape, x.dtype);

// Elementwise, float32 out
const FLOAT_UNARY = ['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'Expm1', 'Log', 'Log1p', 'Reciprocal', 'Rsqrt', 'Selu', 'Sigmoid', 'Sin', 'Sinh', 'Softplus', 'Sqrt', 'Tan', 'Tanh'];
define(FLOAT_UNARY, ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'float32')]);
// Elementwise, type kept
define(['Abs', 'Neg', 'Relu', 'Relu6', 'Sign', 'Square'], ['x'], (name) => (r, [x]) => [r.emit(name, [x!], {}, x!.shape, x!.dtype)]);
define(['Ceil', 'Floor', 'Round'], ['x'], (name) => (r, [x]) => [x!.dtype === 'float32' ? r.emit(name, [x!], {}, x!.shape, 'float32') : x!]);
define(['IsFinite', 'IsInf', 'IsNan'], ['x'], (name) => (r, [x]) => [r.emit(name, [cast(r, x!, 'float32')], {}, x!.shape, 'bool')]);
define('LogicalNot', ['x'], (name) => (r, [x]) => [r.emit(name, [x!], {}, x!.shape, 'bool')]);
define('LeakyRelu', ['x'], (name) => (r, [x], { alpha }) => [r.emit(name, [cast(r, x!, 'float32')], { alpha: alpha as number }, x!.shape, 'float32')]);
define('Step', ['x'], (name) => (r, [x], attrs) => [r.emit(name, [cast(r, x!, 'float32')], { alpha: (attrs.alpha as number) ?? 0 }, x!.shape, 'float32')]);
define('ClipByValue', ['x'], (name) => (r, [x], attrs) => [
  r.emit(name, [x!], { clipValueMin: attrs.clipValueMin as number, clipValueMax: attrs.clipValueMax as number }, x!.shape, x!.dtype),
]);
define('Cast', ['x'], () => (r, [x], { dtype }) => {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') throw new TraceError(`Cast to ${String(dtype)} cannot be traced; use float32, int32 or bool`);
  return [cast(r, x!, dtype)];
});
define('Identity', ['x'], () => (_r, [x]) => [x!]);

// Elementwise, two inputs
const broadcast = (a: Value, b: Value): number[] => backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
define(['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'Mod', 'Pow', 'SquaredDifference'], ['a', 'b'], (name) => (r, [a, b]) => [
  r.emit(name, [a!, b!], {}, broadcast(a!, b!), a!.dtype),
]);
define('FloorDiv', ['a', 'b'], (name) => (r, [a, b]) => [r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'int32')]);
define(['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'], ['a', 'b'], (name) => (r, [a, b]) => [
  r.emit(name, [a!, b!], {}, broadcast(a!, b!), 'bool'),
]);
define('Prelu', ['x', 'alpha'], (name) => (r, [x, alpha]) => [r.emit(name, [x!, alpha!], {}, broadcast(x!, alpha!), 'float32')]);
define('EluGrad', ['dy', 'y'], (name) => (r, [dy, y]) => [r.emit(name, [dy!, y!], {}, y!.shape, 'float32')]);
define('AddN', 'list', (name) => (r, inputs) => (inputs.length === 1 ? inputs : [r.emit(name, inputs, {}, inputs[0]!.shape, inputs[0]!.dtype)]));
define('Select', ['condition', 't', 'e'], (name) => (r, [condition, t, e]) => {
  if (condition!.shape.length !== t!.shape.length) throw new TraceError('Select with a condition of another rank than its values cannot be traced; use tf.where, which broadcasts them');
  return [r.emit(name, [cast(r, condition!, 'bool'), t!, e!], {}, t!.shape, t!.dtype)];
});

// Products
define('BatchMatMul', ['a', 'b'], (name) => (r, [a, b], attrs) => {
  const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
  const outer = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const shape = [...outer, a!.shape.at(transposeA ? -1 : -2)!, b!.shape.at(transposeB ? -2 : -1)!];
  return [r.emit(name, [a!, b!], { transposeA, transposeB }, shape, a!.dtype)];
});
define('_FusedMatMul', ['a', 'b', 'bias', 'preluActivationWeights'], () => (r, [a, b, bias, weights], attrs) => {
  let [y] = run(r, 'BatchMatMul', [a!, b!], attrs);
  if (bias) [y] = run(r, 'Add', [y!, bias], {});
  const activation = ((attrs.activation as string) ?? 'linear').toLowerCase();
  if (activation === 'linear') return [y!];
  if (activation === 'prelu') return run(r, 'Prelu', [y!, weights!], {});
  const kernel = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', leakyrelu: 'LeakyRelu', sigmoid: 'Sigmoid' }[activation];
  if (!kernel) throw new TraceError(`fused matMul with activation '${activation}' cannot be traced; use tf.matMul and apply the activation after it`);
  return run(r, kernel, [y!], { alpha: attrs.leakyreluAlpha });
});
define('Einsum', 'list', (name) => (r, inputs, attrs) => {
  const equation = (attrs.equation as string).replace(/\s/g, '');
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, inputs.length);
  const sizes = allDims.map((_, dim) => idDims.flatMap((ids, i) => ids.flatMap((id, axis) => (id === dim ? [inputs[i]!.shape[axis]!] : [])))[0]!);
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
const numeric = (x: Value): Dtype => (x.dtype === 'bool' ? 'int32' : x.dtype);
reduction(['Sum', 'Prod'], 'axis', numeric);
reduction(['Min'], 'axis', (x) => x.dtype);
reduction(['Max'], 'reductionIndices', (x) => x.dtype);
reduction(['Mean'], 'axis', () => 'float32');
reduction(['All', 'Any'], 'axis', () => 'bool');
define(['ArgMax', 'ArgMin'], ['x'], (name) => (r, [x], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  return [r.emit(name, [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!], { axis }, x!.shape.filter((_, i) => i !== axis), 'int32')];
});
define('Softmax', ['logits'], (name) => (r, [x], { dim }) => [r.emit(name, [cast(r, x!, 'float32')], { dim: axisOf(dim, x!.shape) }, x!.shape, 'float32')]);
define('Cumsum', ['x'], (name) => (r, [x], attrs) => [
  r.emit(name, [x!.dtype === 'bool' ? cast(r, x!, 'int32') : x!], { axis: axisOf(attrs.axis, x!.shape), exclusive: Boolean(attrs.exclusive), reverse: Boolean(attrs.reverse) }, x!.shape, numeric(x!)),
]);
define('TopK', ['x'], (name) => (r, [x], attrs) => {
  const shape = [...x!.shape.slice(0, -1), attrs.k as number];
  return r.emitAll(name, [x!], { k: attrs.k as number, sorted: attrs.sorted !== false }, [
    { shape, dtype: x!.dtype },
    { shape, dtype: 'int32' },
  ]);
});

// Shapes
define('Reshape', ['x'], () => (r, [x], { shape }) => [reshape(r, x!, util.inferFromImplicitShape(shape as number[], size(x!.shape)))]);
define('ExpandDims', ['input'], () => (r, [x], attrs) => {
  const dim = attrs.dim as number;
  const shape = x!.shape.slice();
  shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
  return [reshape(r, x!, shape)];
});
define('Transpose', ['x'], (name) => (r, [x], { perm }) => [r.emit(name, [x!], { perm: (perm as number[]).slice() }, (perm as number[]).map((axis) => x!.shape[axis]!), x!.dtype)]);
define('Tile', ['x'], (name) => (r, [x], { reps }) => [r.emit(name, [x!], { reps: (reps as number[]).slice() }, x!.shape.map((dim, i) => dim * (reps as number[])[i]!), x!.dtype)]);
define('BroadcastTo', ['x'], () => (r, [x], attrs) => {
  const shape = attrs.shape as number[];
  const aligned = [...shape.slice(x!.shape.length).map(() => 1), ...x!.shape];
  const y = aligned.length === x!.shape.length ? x! : reshape(r, x!, aligned);
  return run(r, 'Tile', [y], { reps: shape.map((dim, i) => (aligned[i] === 1 ? dim : 1)) });
});
define('Reverse', ['x'], (name) => (r, [x], { dims }) => {
  const axes = axesOf(dims, x!.shape);
  return [x!.shape.length === 0 || axes.length === 0 ? x! : r.emit(name, [x!], { dims: axes }, x!.shape, x!.dtype)];
});
define('PadV2', ['x'], (name) => (r, [x], attrs) => {
  const paddings = (attrs.paddings as [number, number][]).map((pair) => pair.slice());
  return [r.emit(name, [x!], { paddings, constantValue: attrs.constantValue as number }, x!.shape.map((dim, i) => dim + paddings[i]![0]! + paddings[i]![1]!), x!.dtype)];
});
define('MirrorPad', ['x'], (name) => (r, [x], attrs) => {
  const paddings = (attrs.paddings as [number, number][]).map((pair) => pair.slice());
  const mode = attrs.mode as string;
  if (mode === 'reflect') return [r.emit(name, [x!], { paddings, mode }, x!.shape.map((dim, i) => dim + paddings[i]![0]! + paddings[i]![1]!), x!.dtype)];
  // ONNX has no symmetric mode: a gather with the mirrored indices says the same.
  let y = x!;
  paddings.forEach(([before, after], axis) => {
    if (before === 0 && after === 0) return;
    const dim = x!.shape[axis]!;
    const index = Array.from({ length: dim + before! + after! }, (_, i) => {
      const j = i - before!;
      return j < 0 ? -j - 1 : j < dim ? j : 2 * dim - 1 - j;
    });
    [y] = run(r, 'GatherV2', [y, r.constant(index, [index.length], 'int32')], { axis, batchDims: 0 }) as [Value];
  });
  return [y];
});
define('Slice', ['x'], (name) => (r, [x], attrs) => {
  const [begin, extent] = slice_util.parseSliceParams(x as unknown as tf.Tensor, attrs.begin as number[], attrs.size as number[]);
  slice_util.assertParamsValid(x as unknown as tf.Tensor, begin!, extent!);
  return [x!.shape.length === 0 ? x! : r.emit(name, [x!], { begin: begin!, size: extent! }, extent!, x!.dtype)];
});
define('StridedSlice', ['x'], (name) => (r, [x], a) => {
  const info = slice_util.sliceInfo(x!.shape, a.begin as number[], a.end as number[], a.strides as number[], a.beginMask as number, a.endMask as number, a.ellipsisMask as number, a.newAxisMask as number, a.shrinkAxisMask as number);
  const { begin, end, strides, finalShape, isIdentity } = info;
  if (isIdentity) return [reshape(r, x!, finalShape)];
  const extent = slice_util.computeOutShape(begin, end, strides);
  let y = x!;
  if (strides.every((stride) => stride === 1)) [y] = run(r, 'Slice', [y], { begin, size: extent }) as [Value];
  else {
    // A negative stride is a reversal and a positive one.
    const backwards = strides.flatMap((stride, axis) => (stride < 0 ? [axis] : []));
    if (backwards.length > 0) [y] = run(r, 'Reverse', [y], { dims: backwards }) as [Value];
    const first = begin.map((start, axis) => (strides[axis]! < 0 ? x!.shape[axis]! - 1 - start : start));
    const steps = strides.map(Math.abs);
    const last = first.map((start, axis) => start + Math.max(0, extent[axis]! - 1) * steps[axis]! + (extent[axis]! > 0 ? 1 : 0));
    const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
    y = r.emit(name, [y], { begin: first, end: last, strides: steps, ...masks }, extent, x!.dtype);
  }
  return [util.arraysEqual(y.shape, finalShape) ? y : reshape(r, y, finalShape)];
});
define('Concat', 'list', (name) => (r, inputs, attrs) => {
  const axis = axisOf(attrs.axis, inputs[0]!.shape);
  const shape = backend_util.computeOutShape(inputs.map((input) => input.shape), axis);
  return [inputs.length === 1 ? inputs[0]! : r.emit(name, inputs, { axis }, shape, inputs[0]!.dtype)];
});
define('Pack', 'list', () => (r, inputs, attrs) => {
  const axis = attrs.axis as number;
  const parts = inputs.flatMap((input) => run(r, 'ExpandDims', [input], { dim: axis }));
  return run(r, 'Concat', parts, { axis: axis < 0 ? axis + parts[0]!.shape.length : axis });
});
define('SplitV', ['x'], (name) => (r, [x], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  const sizes = backend_util.prepareSplitSize(x as unknown as tf.Tensor, attrs.numOrSizeSplits as number[], axis);
  return r.emitAll(name, [x!], { numOrSizeSplits: sizes, axis }, sizes.map((dim) => ({ shape: x!.shape.map((d, i) => (i === axis ? dim : d)), dtype: x!.dtype })));
});
define('Unpack', ['value'], () => (r, [x], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  const parts = run(r, 'SplitV', [x!], { numOrSizeSplits: x!.shape[axis]!, axis });
  return parts.map((part) => reshape(r, part, part.shape.filter((_, i) => i !== axis)));
});

// Indexing
define('GatherV2', ['x', 'indices'], (name) => (r, [x, indices], attrs) => {
  const axis = axisOf(attrs.axis, x!.shape);
  const batchDims = (attrs.batchDims as number) ?? 0;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batchDims), ...x!.shape.slice(axis + 1)];
  return [r.emit(name, [x!, indices!], { axis, batchDims }, shape, x!.dtype)];
});
define('GatherNd', ['params', 'indices'], (name) => (r, [params, indices]) => {
  const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(indices!.shape.at(-1))];
  return [r.emit(name, [params!, indices!], {}, shape, params!.dtype)];
});
define('ScatterNd', ['indices', 'updates'], (name) => (r, [indices, updates], { shape }) => [r.emit(name, [indices!, updates!], { shape: (shape as number[]).slice() }, shape as number[], updates!.dtype)]);
define('TensorScatterUpdate', ['tensor', 'indices', 'updates'], (name) => (r, [tensor, indices, updates]) => [r.emit(name, [tensor!, indices!, updates!], {}, tensor!.shape, tensor!.dtype)]);
define('UnsortedSegmentSum', ['x', 'segmentIds'], (name) => (r, [x, ids], attrs) => {
  const numSegments = attrs.numSegments as number;
  return [r.emit(name, [cast(r, x!, 'float32'), cast(r, ids!, 'int32')], { numSegments }, [numSegments, ...x!.shape.slice(ids!.shape.length)], 'float32')];
});
define('OneHot', ['indices'], (name) => (r, [indices], a) => {
  const dtype = ((a.dtype as Dtype) ?? 'int32') as Dtype;
  const attrs = { depth: a.depth as number, onValue: a.onValue as number, offValue: a.offValue as number, dtype };
  return [r.emit(name, [cast(r, indices!, 'int32')], attrs, [...indices!.shape, attrs.depth], dtype)];
});

// Values made from attributes
define('Fill', [], (name) => (r, _inputs, a) => {
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  return [r.emit(name, [], { shape: (a.shape as number[]).slice(), value: Number(a.value), dtype }, a.shape as number[], dtype)];
});
define(['ZerosLike', 'OnesLike'], ['x'], (name) => (r, [x]) => [r.emit('Fill', [], { shape: x!.shape.slice(), value: name === 'OnesLike' ? 1 : 0, dtype: x!.dtype }, x!.shape, x!.dtype)]);
define('Range', [], (name) => (r, _inputs, a) => {
  const [start, stop, step] = [a.start as number, a.stop as number, a.step as number];
  const dtype = ((a.dtype as Dtype) ?? 'float32') as Dtype;
  return [r.emit(name, [], { start, stop, step, dtype }, [Math.max(0, Math.ceil((stop - start) / step))], dtype)];
});
define('LinSpace', [], () => (r, _inputs, a) => {
  const [start, stop, num] = [a.start as number, a.stop as number, a.num as number];
  const values = Array.from({ length: num }, (_, i) => start + (num === 1 ? 0 : (i * (stop - start)) / (num - 1)));
  return [r.constant(values, [num], 'float32')];
});

/** Names of the inputs of each kernel that a graph can contain, in the order of `GraphNode.inputs`. */
export const KERNEL_INPUTS: ReadonlyMap<string, readonly string[] | 'list'> = new Map([...kernels].map(([name, { keys }]) => [name, keys]));

/** Kernels that recording replaces by others and that therefore never stand in a graph. */
export const REWRITTEN: readonly string[] = ['BroadcastTo', 'ExpandDims', 'Identity', 'LinSpace', 'OnesLike', 'Pack', 'Unpack', 'ZerosLike', '_FusedMatMul'];

/** Record one kernel call; undefined when the kernel has no rule. */
export function record(recorder: Recorder, name: string, inputs: Record<string, Value>, attrs: Record<string, unknown>): Value[] | undefined {
  const kernel = kernels.get(name);
  if (!kernel) return undefined;
  const ordered = kernel.keys === 'list' ? Object.values(inputs) : kernel.keys.map((key) => inputs[key]!);
  return kernel.record(recorder, ordered, attrs);
}

function run(recorder: Recorder, name: string, inputs: Value[], attrs: Attrs | Record<string, unknown>): Value[] {
  return kernels.get(name)!.record(recorder, inputs, attrs);
}
