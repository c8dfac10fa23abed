import { tf } from './tf.js';
import { Draw, type Case } from './draw.test.util.js';
import { host, tensor, tidy, type HostTensor } from './harness.test.util.js';
import { trace, type Graph } from './index.js';
import { MOVES } from './moves.test.util.js';
import { WINDOWED } from './windows.test.util.js';

/** Test-only: functions of every kernel, for every runtime that graphs are lowered to. */

// Both sides compute in float32, each with its own order of summation and its own approximations of transcendental functions;
// the largest sums here have 4³ terms of size ≤ 16, so |Δ| / (1 + |x|) stays below 64 · 2⁻²⁴ · 8.
export const TOLERANCE = 3e-5;

const unary =
  (op: (x: tf.Tensor) => tf.Tensor, low = -2, high = 2): ((d: Draw) => Case) =>
  (d) => ({ inputs: [d.float(d.shape(0, 4), low, high)], fn: op, gradient: true });
const binary =
  (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, low = -2, high = 2, gradient = true): ((d: Draw) => Case) =>
  (d) => {
    const [a, b] = d.pair();
    return { inputs: [d.float(a, low, high), d.float(b, low, high)], fn: op as Case['fn'], gradient };
  };
// For kernels whose gradients in TensorFlow.js do not reduce broadcast axes: both inputs have one shape.
const alike =
  (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): ((d: Draw) => Case) =>
  (d) => {
    const shape = d.shape(0, 4);
    return { inputs: [d.float(shape), d.float(shape)], fn: op as Case['fn'], gradient: true };
  };
const whole =
  (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, low = -9, high = 9): ((d: Draw) => Case) =>
  (d) => {
    const [a, b] = d.pair();
    return { inputs: [d.ints(a, low, high), d.ints(b, low, high)], fn: op as Case['fn'] };
  };
const flags =
  (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): ((d: Draw) => Case) =>
  (d) => {
    const [a, b] = d.pair();
    return { inputs: [d.bools(a), d.bools(b)], fn: op as Case['fn'] };
  };
const kernel = (name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as tf.Tensor;
const reduced =
  (op: (x: tf.Tensor, axis: number[] | undefined, keep: boolean) => tf.Tensor, gradient = true): ((d: Draw) => Case) =>
  (d) => {
    const shape = d.shape(1, 4);
    const axes = d.int(0, 3) ? d.axes(shape.length) : undefined;
    const keep = d.int(0, 1) === 1;
    return { inputs: [d.distinct(shape)], fn: (x) => op(x, axes, keep), gradient };
  };

export const CASES: Record<string, (d: Draw) => Case> = {
  ...MOVES,
  ...WINDOWED,
  Abs: unary(tf.abs),
  Acos: unary(tf.acos, -0.9, 0.9),
  Acosh: unary(tf.acosh, 1.1, 4),
  Asin: unary(tf.asin, -0.9, 0.9),
  Asinh: unary(tf.asinh),
  Atan: unary(tf.atan),
  Atanh: unary(tf.atanh, -0.9, 0.9),
  Ceil: unary(tf.ceil),
  Cos: unary(tf.cos),
  Cosh: unary(tf.cosh),
  Elu: unary(tf.elu),
  Erf: unary(tf.erf),
  Exp: unary(tf.exp),
  Expm1: unary(tf.expm1),
  Floor: unary(tf.floor),
  Log: unary(tf.log, 0.1, 3),
  Log1p: unary(tf.log1p, -0.5, 3),
  Neg: unary(tf.neg),
  Reciprocal: unary(tf.reciprocal, 0.3, 3),
  Relu: unary(tf.relu),
  Relu6: unary((x) => tf.relu6(tf.mul(x, 5))),
  Round: unary(tf.round),
  Rsqrt: unary(tf.rsqrt, 0.2, 3),
  Selu: unary(tf.selu),
  Sigmoid: unary(tf.sigmoid),
  Sign: unary(tf.sign),
  Sin: unary(tf.sin),
  Sinh: unary(tf.sinh),
  Softplus: unary(tf.softplus),
  Sqrt: unary(tf.sqrt, 0.2, 3),
  Square: unary(tf.square),
  Step: unary((x) => tf.step(x)),
  'Step with a slope': unary((x) => tf.step(x, 0.25)),
  Tan: unary(tf.tan, -1, 1),
  Tanh: unary(tf.tanh),
  LeakyRelu: unary((x) => tf.leakyRelu(x, 0.3)),
  ClipByValue: unary((x) => tf.clipByValue(x, -0.5, 0.75)),
  'ClipByValue of integers': (d) => ({ inputs: [d.ints(d.shape(0, 3))], fn: (x) => tf.clipByValue(x, -3, 4) }),
  'unary operations of integers': (d) => ({
    inputs: [d.ints(d.shape(0, 3), 0, 5)],
    fn: (x) => [tf.abs(tf.neg(x)), tf.square(x), tf.relu(x), tf.exp(x), tf.sign(x), tf.relu6(x)],
  }),
  'IsNan, IsInf, IsFinite': (d) => {
    const x = d.float(d.shape(1, 3));
    [NaN, Infinity, -Infinity].forEach((value, i) => (x.data[d.int(0, x.data.length - 1 - i)] = value));
    return { inputs: [x], fn: (t) => [tf.isNaN(t), tf.isInf(t), tf.isFinite(t)] };
  },
  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Multiply: binary(tf.mul),
  RealDiv: binary(tf.div, 0.3, 3),
  Maximum: alike(tf.maximum),
  Minimum: alike(tf.minimum),
  SquaredDifference: alike(tf.squaredDifference),
  'broadcasting Maximum and SquaredDifference': binary((a, b) => tf.maximum(tf.squaredDifference(a, b), tf.minimum(a, b)), -2, 2, false),
  Pow: binary(tf.pow, 0.2, 2),
  Mod: binary(tf.mod, 0.4, 3),
  'Mod of either sign': binary((a, b) => tf.mod(tf.mul(a, 7), tf.add(tf.sign(b), 2.5)), -2, 2, false),
  FloorDiv: binary(tf.floorDiv, 0.4, 5, false),
  Prelu: (d) => {
    const shape = d.shape(1, 4);
    return { inputs: [d.float(shape), d.float(shape.slice(1))], fn: (x, alpha) => tf.prelu(x!, alpha!), gradient: shape.length > 1 };
  },
  EluGrad: (d) => {
    const shape = d.shape(0, 3);
    return { inputs: [d.float(shape), d.float(shape, -0.9, 2)], fn: (dy, y) => kernel('EluGrad', { dy: dy!, y: y! }, {}) };
  },
  AddN: (d) => {
    const shape = d.shape(0, 3);
    return { inputs: [d.float(shape), d.float(shape), d.float(shape)], fn: (...xs) => tf.addN(xs), gradient: true };
  },
  'AddN of integers': (d) => {
    const shape = d.shape(0, 3);
    return { inputs: [d.ints(shape), d.ints(shape), d.ints(shape)], fn: (...xs) => tf.addN(xs) };
  },
  'arithmetic of integers': whole((a, b) => tf.add(tf.sub(tf.mul(a, b), tf.maximum(a, b)), tf.minimum(a, b))),
  'FloorDiv of integers': whole((a, b) => tf.floorDiv(a, tf.add(tf.square(b), 1))),
  'FloorDiv by negative integers': whole((a, b) => tf.floorDiv(a, tf.sub(tf.neg(tf.square(b)), 1))),
  'Mod of integers': whole((a, b) => tf.mod(a, tf.add(tf.mul(b, 2), 1))),
  'Pow of integers': whole(tf.pow, 0, 4),
  Equal: whole(tf.equal, 0, 2),
  NotEqual: whole(tf.notEqual, 0, 2),
  Greater: whole(tf.greater, 0, 2),
  GreaterEqual: whole(tf.greaterEqual, 0, 2),
  Less: whole(tf.less, 0, 2),
  LessEqual: whole(tf.lessEqual, 0, 2),
  'comparisons of floats': binary(
    (a, b) => tf.concat([tf.greater(a, b), tf.lessEqual(a, b)].map((x) => tf.reshape(x, [-1]))),
    -1,
    1,
    false,
  ),
  'comparisons of flags': flags((a, b) =>
    tf.concat([tf.equal(a, b), tf.notEqual(a, b), tf.greater(a, b), tf.lessEqual(a, b)].map((x) => tf.reshape(x, [-1]))),
  ),
  LogicalAnd: flags(tf.logicalAnd),
  LogicalOr: flags(tf.logicalOr),
  LogicalNot: flags((a, b) => tf.logicalNot(tf.logicalXor(a, b))),
  Cast: (d) => ({
    inputs: [d.float(d.shape(0, 3)), d.ints(d.shape(0, 3), -2, 2), d.bools(d.shape(0, 3))],
    fn: (x, i, b) => [
      tf.cast(x!, 'int32'),
      tf.cast(x!, 'bool'),
      tf.cast(i!, 'float32'),
      tf.cast(i!, 'bool'),
      tf.cast(b!, 'float32'),
      tf.cast(b!, 'int32'),
    ],
  }),
  Select: (d) => {
    const [a, b] = d.pair();
    return { inputs: [d.bools(a), d.float(a), d.float(b)], fn: (condition, x, y) => tf.where(condition!, x!, y!) };
  },
  'Select of like shapes': (d) => {
    const shape = d.shape(0, 4);
    return {
      inputs: [d.bools(shape), d.float(shape), d.float(shape)],
      fn: (condition, x, y) => tf.where(condition!, x!, y!),
      gradient: true,
    };
  },
  'Select of flags and integers': (d) => {
    const shape = d.shape(0, 3);
    return {
      inputs: [d.bools(shape), d.bools(shape), d.bools(shape), d.ints(shape)],
      fn: (c, x, y, i) => [tf.where(c!, x!, y!), tf.where(c!, i!, tf.neg(i!))],
    };
  },
  BatchMatMul: (d) => {
    const [m, k, n] = [d.int(1, 5), d.int(1, 5), d.int(1, 5)];
    const batch = d.shape(0, 2);
    const [ta, tb] = [d.int(0, 1) === 1, d.int(0, 1) === 1];
    return {
      inputs: [d.float([...batch, ...(ta ? [k, m] : [m, k])]), d.float([...batch, ...(tb ? [n, k] : [k, n])])],
      fn: (a, b) => tf.matMul(a!, b!, ta, tb),
      gradient: true,
    };
  },
  'BatchMatMul of transposed operands': (d) => {
    const [m, k, n] = [d.int(1, 5), d.int(1, 5), d.int(1, 5)];
    const b = d.int(1, 3);
    return {
      inputs: [d.float([b, k, m]), d.float([b, n, k])],
      fn: (x, y) => tf.matMul(tf.transpose(x!, [0, 2, 1]), tf.transpose(y!, [0, 2, 1])),
      gradient: true,
    };
  },
  'BatchMatMul that broadcasts': (d) => {
    const [b, m, k, n] = [d.int(1, 3), d.int(1, 4), d.int(1, 4), d.int(1, 4)];
    return { inputs: [d.float([b, 2, m, k]), d.float([1, 2, n, k])], fn: (x, y) => tf.matMul(x!, y!, false, true) };
  },
  'BatchMatMul of integers': (d) => {
    const [m, k, n] = [d.int(1, 4), d.int(1, 4), d.int(1, 4)];
    return {
      inputs: [d.ints([m, k]), d.ints([n, k])],
      fn: (x, y) => tf.cast(tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D, false, true), 'int32'),
    };
  },
  _FusedMatMul: (d) => {
    const [m, k, n] = [d.int(1, 4), d.int(1, 4), d.int(1, 4)];
    const activation = (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const)[d.int(0, 5)]!;
    return {
      inputs: [d.float([m, k]), d.float([k, n]), d.float([n])],
      fn: (a, b, bias) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation }),
    };
  },
  Einsum: (d) => {
    const [b, h, i, j, k] = [d.int(1, 3), d.int(1, 3), d.int(1, 4), d.int(1, 4), d.int(1, 4)];
    return { inputs: [d.float([b, i, h, k]), d.float([b, j, h, k])], fn: (q, kk) => tf.einsum('bihk,bjhk->bhij', q!, kk!) };
  },
  Sum: reduced((x, axis, keep) => tf.sum(x, axis, keep)),
  Mean: reduced((x, axis, keep) => tf.mean(x, axis, keep)),
  Max: reduced((x, axis, keep) => tf.max(x, axis, keep)),
  Min: reduced((x, axis, keep) => tf.min(x, axis, keep)),
  Prod: reduced((x, axis, keep) => tf.prod(tf.div(x, 40), axis, keep), false),
  'reductions of integers': (d) => {
    const shape = d.shape(1, 3);
    return {
      inputs: [d.ints(shape, 1, 3)],
      fn: (x) => [tf.sum(x, 0), tf.max(x, -1), tf.min(x), tf.prod(x, 0), tf.mean(x, 0), tf.argMax(tf.cast(x, 'float32'), 0)],
    };
  },
  'Sum of flags': (d) => ({ inputs: [d.bools(d.shape(1, 3))], fn: (x) => tf.sum(x, 0) }),
  'All, Any': (d) => {
    const shape = d.shape(1, 3);
    const axes = d.axes(shape.length);
    return { inputs: [d.bools(shape)], fn: (x) => [tf.all(x, axes.length ? axes : undefined), tf.any(x, 0, true)] };
  },
  'ArgMax, ArgMin': (d) => {
    const shape = d.shape(1, 4);
    const axis = d.axis(shape.length);
    return { inputs: [d.distinct(shape)], fn: (x) => [tf.argMax(x, axis), tf.argMin(x, axis)] };
  },
  Softmax: (d) => ({ inputs: [d.float(d.shape(1, 4), -4, 4)], fn: (x) => tf.softmax(x), gradient: true }),
  LogSoftmax: (d) => ({ inputs: [d.float(d.shape(1, 4), -4, 4)], fn: (x) => tf.logSoftmax(x), gradient: true }),
  // With more axes the gradient in TensorFlow.js returns a permuted shape.
  Cumsum: (d) => {
    const [exclusive, reverse] = [d.int(0, 1) === 1, d.int(0, 1) === 1];
    return { inputs: [d.float(d.shape(1, 1))], fn: (x) => tf.cumsum(x, 0, exclusive, reverse), gradient: true };
  },
  'Cumsum along any axis': (d) => {
    const shape = d.shape(1, 4);
    const [axis, exclusive, reverse] = [d.int(0, shape.length - 1), d.int(0, 1) === 1, d.int(0, 1) === 1];
    return { inputs: [d.float(shape)], fn: (x) => tf.cumsum(x, axis, exclusive, reverse) };
  },
  'Cumsum of integers': (d) => ({ inputs: [d.ints(d.shape(1, 3))], fn: (x) => tf.cumsum(x, 0) }),
  TopK: (d) => {
    const shape = d.shape(1, 3);
    const k = d.int(1, shape.at(-1)!);
    return { inputs: [d.distinct(shape)], fn: (x) => Object.values(tf.topk(x, k)) };
  },
  Reshape: (d) => ({
    inputs: [d.float(d.shape(1, 4))],
    fn: (x) => tf.reshape(tf.expandDims(tf.reshape(x, [-1]), -1), [1, -1]),
    gradient: true,
  }),
  Transpose: (d) => {
    const shape = d.shape(1, 4);
    const perm = Array.from(d.distinct([shape.length]).data, (v) => Math.round(v + shape.length / 2));
    return { inputs: [d.float(shape)], fn: (x) => tf.transpose(x, perm), gradient: true };
  },
  Tile: (d) => {
    const shape = d.shape(1, 3);
    const reps = shape.map(() => d.int(1, 3));
    return { inputs: [d.float(shape)], fn: (x) => tf.tile(x, reps), gradient: true };
  },
  BroadcastTo: (d) => {
    const shape = d.shape(1, 4);
    return { inputs: [d.float(shape.map((dim) => (d.int(0, 1) ? 1 : dim)))], fn: (x) => tf.broadcastTo(x, shape), gradient: true };
  },
  Reverse: (d) => {
    const shape = d.shape(1, 4);
    const axes = d.axes(shape.length);
    return { inputs: [d.float(shape)], fn: (x) => tf.reverse(x, axes.length ? axes : undefined), gradient: true };
  },
  PadV2: (d) => {
    const shape = d.shape(1, 4);
    const paddings = shape.map((): [number, number] => [d.int(0, 2), d.int(0, 2)]);
    return { inputs: [d.float(shape)], fn: (x) => tf.pad(x, paddings, 0.5), gradient: true };
  },
  'PadV2 of integers and flags': (d) => {
    const shape = d.shape(1, 3);
    const paddings = shape.map((): [number, number] => [d.int(0, 2), d.int(0, 2)]);
    return { inputs: [d.ints(shape)], fn: (x) => tf.pad(x, paddings, 3) };
  },
  MirrorPad: (d) => {
    const shape = d.shape(1, 3).map((dim) => dim + 1);
    const mode = d.int(0, 1) ? 'reflect' : 'symmetric';
    return {
      inputs: [d.float(shape)],
      fn: (x) =>
        tf.mirrorPad(
          x,
          shape.map((dim): [number, number] => [d.int(0, 0), dim - 1]),
          mode,
        ),
      gradient: false,
    };
  },
  Slice: (d) => {
    const shape = d.shape(1, 4);
    const begin = shape.map((dim) => d.int(0, dim - 1));
    const size = shape.map((dim, i) => (d.int(0, 3) ? d.int(1, dim - begin[i]!) : -1));
    return { inputs: [d.float(shape)], fn: (x) => tf.slice(x, begin, size), gradient: true };
  },
  'Slice of flags': (d) => ({ inputs: [d.bools([4, 3])], fn: (x) => tf.slice(x, [1, 0], [2, 2]) }),
  StridedSlice: (d) => {
    const shape = d.shape(1, 3).map((dim) => dim + 2);
    const strides = shape.map(() => [1, 2, -1, -2][d.int(0, 3)]!);
    const begin = shape.map((dim, i) => (strides[i]! > 0 ? d.int(0, dim - 2) : d.int(1, dim - 1)));
    const end = begin.map((start, i) => (strides[i]! > 0 ? d.int(start + 1, shape[i]!) : d.int(0, start - 1)));
    return { inputs: [d.float(shape)], fn: (x) => tf.stridedSlice(x, begin, end, strides) };
  },
  'StridedSlice with masks': (d) => ({
    inputs: [d.float([3, 4, 5])],
    fn: (x) => [
      tf.stridedSlice(x, [1, 0, 0], [2, 3, 4], [1, 1, 1], 0, 4, 0, 0, 1),
      tf.stridedSlice(x, [1, 0, 0], [3, 3, 4], [1, 2, 1], 2, 4),
      tf.stridedSlice(x, [0, 1], [0, 3], [1, 1], 0, 0, 1, 0, 0),
      tf.stridedSlice(x, [0, 0, 1], [3, 0, 3], [1, 1, 1], 3, 3, 0, 2, 0),
    ],
  }),
  Concat: (d) => {
    const shape = d.shape(1, 4);
    const axis = d.axis(shape.length);
    const other = shape.map((dim, i) => (i === (axis + shape.length) % shape.length ? d.int(1, 3) : dim));
    return { inputs: [d.float(shape), d.float(other)], fn: (a, b) => tf.concat([a!, b!], axis), gradient: true };
  },
  'Concat of flags': (d) => ({ inputs: [d.bools([2, 3]), d.bools([2, 1])], fn: (a, b) => tf.concat([a!, b!], 1) }),
  SplitV: (d) => {
    const shape = [d.int(2, 3), 4];
    const sizes = d.int(0, 1) ? [1, 3] : 2;
    return {
      inputs: [d.float(shape)],
      fn: (x) => tf.add(tf.sum(tf.split(x, sizes, 1)[1]!), tf.sum(tf.split(x, sizes, 1)[0]!)),
      gradient: true,
    };
  },
  'Pack and Unpack': (d) => {
    const shape = d.shape(1, 3);
    const axis = d.int(0, shape.length - 1);
    return {
      inputs: [d.float(shape), d.float(shape)],
      fn: (a, b) => tf.stack([...tf.unstack(tf.stack([a!, b!], axis), axis)].reverse(), -1),
      gradient: true,
    };
  },
  GatherV2: (d) => {
    const shape = d.shape(1, 4);
    const axis = d.int(0, shape.length - 1);
    return {
      inputs: [d.float(shape), d.ints(d.shape(0, 2), 0, shape[axis]! - 1)],
      fn: (x, i) => tf.gather(x!, i as tf.Tensor1D, axis),
      gradient: true,
    };
  },
  'GatherV2 with batch axes': (d) => {
    const shape = d.shape(2, 4);
    const axis = d.int(1, shape.length - 1);
    const batch = d.int(1, axis);
    return {
      inputs: [d.float(shape), d.ints([...shape.slice(0, batch), d.int(1, 3)], 0, shape[axis]! - 1)],
      fn: (x, i) => tf.gather(x!, i as tf.Tensor1D, axis, batch),
    };
  },
  'GatherV2 of one per row': (d) => {
    const [m, v] = [d.int(1, 4), d.int(1, 5)];
    return { inputs: [d.float([m, v]), d.ints([m, 1], 0, v - 1)], fn: (x, i) => tf.gather(x!, i as tf.Tensor2D, 1, 1), gradient: true };
  },
  GatherNd: (d) => {
    const shape = d.shape(2, 4);
    const depth = d.int(1, shape.length);
    const rows = d.int(1, 4);
    const index: HostTensor = {
      shape: [rows, depth],
      dtype: 'int32',
      data: Int32Array.from({ length: rows * depth }, (_, i) => d.int(0, shape[i % depth]! - 1)),
    };
    return { inputs: [d.float(shape), index], fn: (x, i) => tf.gatherND(x!, i!) };
  },
  ScatterNd: (d) => {
    const shape = d.shape(2, 4);
    const depth = d.int(1, shape.length);
    const rows = d.int(1, 6);
    const index: HostTensor = {
      shape: [rows, depth],
      dtype: 'int32',
      data: Int32Array.from({ length: rows * depth }, (_, i) => d.int(0, shape[i % depth]! - 1)),
    };
    return { inputs: [index, d.float([rows, ...shape.slice(depth)])], fn: (i, u) => tf.scatterND(i!, u!, shape) };
  },
  TensorScatterUpdate: (d) => {
    const shape = [5, d.int(1, 3)];
    const rows = d
      .distinct([5])
      .data.map((v) => Math.floor(v + 2.5))
      .slice(0, 3);
    return {
      inputs: [d.float(shape), { shape: [3, 1], dtype: 'int32', data: Int32Array.from(rows) }, d.float([3, shape[1]!])],
      fn: (t, i, u) => tf.tensorScatterUpdate(t!, i!, u!),
    };
  },
  UnsortedSegmentSum: (d) => {
    const shape = d.shape(1, 4);
    const segments = d.int(1, 4);
    return {
      inputs: [d.float(shape), d.ints(shape.slice(0, 1), 0, segments - 1)],
      fn: (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, segments),
      gradient: true,
    };
  },
  'UnsortedSegmentSum of integers': (d) => ({
    inputs: [d.ints([5, 2]), d.ints([5], 0, 2)],
    fn: (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 3),
  }),
  OneHot: (d) => ({
    inputs: [d.ints(d.shape(1, 3), -1, 5)],
    fn: (i) => [
      tf.oneHot(i as tf.Tensor1D, 5),
      tf.oneHot(i as tf.Tensor1D, 4, 1.5, -2, 'float32'),
      tf.oneHot(i as tf.Tensor1D, 3, 1, 0, 'bool'),
    ],
  }),
  'Fill, ZerosLike, OnesLike': (d) => ({
    inputs: [d.float(d.shape(1, 3))],
    fn: (x) => [
      tf.fill([2, 3], 1.5),
      tf.zerosLike(x),
      tf.onesLike(x),
      tf.add(x, tf.zeros(x.shape)),
      tf.fill([2], 1, 'bool'),
      tf.fill([3], 7, 'int32'),
    ],
  }),
  'Range, LinSpace': (d) => ({
    inputs: [d.float([1])],
    fn: (x) => [tf.add(x, tf.range(0, 5)), tf.range(7, 1, -2, 'int32'), tf.linspace(0, 1, d.int(4, 4))],
  }),
};

/** One case with inputs drawn from `seed`: its graph with outputs `y…` and gradients `d…`, and the results of tfjs-cpu. */
export function example(
  label: string,
  seed: number,
): { graph: Graph; feeds: Record<string, HostTensor>; expected: Record<string, HostTensor> } {
  const draw = new Draw(seed);
  const { inputs, fn, gradient } = CASES[label]!(draw);
  const list = (result: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(result) ? result : [result]);
  const first = tidy(() => host(list(fn(...inputs.map(tensor)))[0]!));
  const floats = inputs.flatMap((input, i) => (input.dtype === 'float32' ? [i] : []));
  const feeds: Record<string, HostTensor> = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  if (gradient) feeds.dy = draw.float(first.shape);
  const all = (tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> => {
    const xs = inputs.map((_, i) => tensors[`x${i}`]!);
    const results = Object.fromEntries(list(fn(...xs)).map((value, i) => [`y${i}`, value]));
    if (gradient) {
      const derivative = tf.grads((...some: tf.Tensor[]) => list(fn(...xs.map((x, i) => some[floats.indexOf(i)] ?? x)))[0]!);
      derivative(
        floats.map((i) => xs[i]!),
        tensors.dy!,
      ).forEach((value, i) => (results[`d${floats[i]}`] = value));
    }
    return results;
  };
  const expected = tidy(() =>
    Object.fromEntries(
      Object.entries(all(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])))).map(([name, value]) => [
        name,
        host(value),
      ]),
    ),
  );
  const graph = trace(all, {
    inputs: Object.fromEntries(Object.entries(feeds).map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
  });
  return { graph, feeds, expected };
}
