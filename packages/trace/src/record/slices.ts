import { TraceError } from '../error.js';
import { conv2d, conv3d, isIdentity, pool, reach, type Window } from './geometry.js';
import type { Recorder, Value } from './recorder.js';
import { call, cast, reshape, type Recording } from './rules.js';

/**
 * Convolutions and pooling, of one to three spatial axes, with their gradients, written as one slice, product and sum for every place of the
 * window, with kernels that every target has. Targets that have an operator for one write that instead; these are its exact twin.
 */

export const SLICES = new Map<string, Recording>();
const define = (name: string, recording: Recording): void => void SLICES.set(name, recording);

/** Every place in a window, as its number along each axis. */
const places = ({ axes }: Window): number[][] =>
  axes.reduce<number[][]>((heads, { window }) => heads.flatMap((head) => Array.from({ length: window }, (_, i) => [...head, i])), [[]]);

/** The input with the border that the windows reach into, and without what they do not reach. */
function padded(r: Recorder, x: Value, { axes }: Window, value: number): Value {
  const border = axes.map((axis) => [axis.before, Math.max(0, reach(axis) - axis.before - axis.input)]);
  if (border.every(([before, after]) => before === 0 && after === 0)) return x;
  return call(r, 'PadV2', [x], { paddings: [[0, 0], ...border, [0, 0]], constantValue: value });
}

/** What the windows have at one place: [batch, …outputs, channels]. */
function slice(r: Recorder, x: Value, { axes }: Window, place: number[]): Value {
  const begin = [0, ...axes.map(({ dilation }, i) => place[i]! * dilation), 0];
  const steps = [1, ...axes.map(({ stride }) => stride), 1];
  const end = [x.shape[0]!, ...axes.map(({ output, stride }, i) => begin[i + 1]! + (output - 1) * stride + 1), x.shape.at(-1)!];
  const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
  return call(r, 'StridedSlice', [x], { begin, end, strides: steps, ...masks });
}

/** The reverse of `slice`: values at one place of the windows, laid out over the input [batch, …inputs, channels], with zeros between. */
function spreadBack(r: Recorder, value: Value, { axes }: Window, place: number[]): Value {
  let y = value;
  axes.forEach(({ stride, output }, i) => {
    if (stride === 1) return;
    // [… output …] → [… output, 1 …] → [… output, stride …] → [… output · stride …] without the last zeros
    const axis = i + 1;
    const open = call(r, 'ExpandDims', [y], { dim: axis + 1 });
    const wide = call(r, 'PadV2', [open], { paddings: open.shape.map((_, k) => [0, k === axis + 1 ? stride - 1 : 0]), constantValue: 0 });
    const flat = reshape(r, wide, [...y.shape.slice(0, axis), output * stride, ...y.shape.slice(axis + 1)]);
    const size = [...flat.shape];
    size[axis] = (output - 1) * stride + 1;
    y = call(r, 'Slice', [flat], { begin: size.map(() => 0), size });
  });
  const whole = axes.map((axis) => Math.max(reach(axis), axis.before + axis.input));
  const border = axes.map(({ dilation }, i) => [place[i]! * dilation, whole[i]! - place[i]! * dilation - y.shape[i + 1]!]);
  const placed = call(r, 'PadV2', [y], { paddings: [[0, 0], ...border, [0, 0]], constantValue: 0 });
  const begin = [0, ...axes.map(({ before }) => before), 0];
  return call(r, 'Slice', [placed], { begin, size: [y.shape[0]!, ...axes.map(({ input }) => input), y.shape.at(-1)!] });
}

const total = (r: Recorder, parts: Value[]): Value => parts.reduce((a, b) => call(r, 'Add', [a, b]));

/** The filter at one place, [in, out] or for depthwise [channels, multiplier]. */
function filterAt(r: Recorder, filter: Value, place: number[]): Value {
  const rest = filter.shape.slice(place.length);
  const cut = call(r, 'Slice', [filter], { begin: [...place, 0, 0], size: [...place.map(() => 1), ...rest] });
  return reshape(r, cut, rest);
}

const rows = (r: Recorder, x: Value): Value =>
  reshape(r, x, [x.shape.slice(0, -1).reduce((count, dim) => count * dim, 1), x.shape.at(-1)!]);

function convolve(r: Recorder, x: Value, filter: Value, window: Window): Value {
  const input = padded(r, x, window, 0);
  const products = places(window).map((place) =>
    call(r, 'BatchMatMul', [rows(r, slice(r, input, window, place)), filterAt(r, filter, place)], { transposeA: false, transposeB: false }),
  );
  return reshape(r, total(r, products), [x.shape[0]!, ...window.axes.map(({ output }) => output), filter.shape.at(-1)!]);
}

/** @throws TraceError unless the gradient has the places that the window leads to */
export function checkPlaces(dy: Value, { axes }: Window): void {
  const wanted = axes.map(({ output }) => output);
  const given = dy.shape.slice(1, -1);
  if (wanted.some((size, i) => size !== given[i]))
    throw new TraceError(
      `a transposed convolution of [${given.join()}] places to [${axes.map(({ input }) => input).join()}] cannot be traced: its strides and padding lead to [${wanted.join()}] places; give it a fitting output shape`,
    );
}

/** Gradient of a convolution with regard to its input; also the transposed convolution. */
function convolveBack(r: Recorder, dy: Value, filter: Value, window: Window): Value {
  const flat = rows(r, dy);
  return total(
    r,
    places(window).map((place) => {
      const product = call(r, 'BatchMatMul', [flat, filterAt(r, filter, place)], { transposeA: false, transposeB: true });
      return spreadBack(r, reshape(r, product, [...dy.shape.slice(0, -1), filter.shape.at(-2)!]), window, place);
    }),
  );
}

function filterGradient(r: Recorder, x: Value, dy: Value, shape: number[], window: Window): Value {
  const input = padded(r, x, window, 0);
  const flat = rows(r, dy);
  const parts = places(window).map((place) =>
    call(r, 'BatchMatMul', [rows(r, slice(r, input, window, place)), flat], { transposeA: true, transposeB: false }),
  );
  return reshape(r, call(r, 'Pack', parts, { axis: 0 }), shape);
}

for (const [names, windowFor] of [
  [['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'], conv2d],
  [['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'], conv3d],
] as const) {
  define(names[0], (r, [x, filter], a) => [convolve(r, x!, filter!, windowFor(x!.shape, filter!.shape, a))]);
  define(names[1], (r, [dy, filter], a) => [convolveBack(r, dy!, filter!, windowFor(a.inputShape as number[], filter!.shape, a))]);
  define(names[2], (r, [x, dy], a) => [
    filterGradient(r, x!, dy!, a.filterShape as number[], windowFor(x!.shape, a.filterShape as number[], a)),
  ]);
}

/** [batch, …, channels] times [channels, multiplier] → [batch, …, channels · multiplier] */
function timesEach(r: Recorder, x: Value, weights: Value): Value {
  const product = call(r, 'Multiply', [call(r, 'ExpandDims', [x], { dim: x.shape.length }), weights]);
  return reshape(r, product, [...x.shape.slice(0, -1), weights.shape[0]! * weights.shape[1]!]);
}

define('DepthwiseConv2dNative', (r, [x, filter], a) => {
  const window = conv2d(x!.shape, filter!.shape, a, true);
  const input = padded(r, x!, window, 0);
  return [total(r, places(window).map((place) => timesEach(r, slice(r, input, window, place), filterAt(r, filter!, place))))]; // prettier-ignore
});
define('DepthwiseConv2dNativeBackpropInput', (r, [dy, filter], a) => {
  const window = conv2d(a.inputShape as number[], filter!.shape, a, true);
  const each = reshape(r, dy!, [...dy!.shape.slice(0, -1), ...filter!.shape.slice(2)]);
  const parts = places(window).map((place) => {
    const product = call(r, 'Multiply', [each, filterAt(r, filter!, place)]);
    return spreadBack(r, call(r, 'Sum', [product], { axis: [4], keepDims: false }), window, place);
  });
  return [total(r, parts)];
});
define('DepthwiseConv2dNativeBackpropFilter', (r, [x, dy], a) => {
  const shape = a.filterShape as number[];
  const window = conv2d(x!.shape, shape, a, true);
  const input = padded(r, x!, window, 0);
  const each = reshape(r, dy!, [...dy!.shape.slice(0, -1), ...shape.slice(2)]);
  const parts = places(window).map((place) => {
    const product = call(r, 'Multiply', [call(r, 'ExpandDims', [slice(r, input, window, place)], { dim: 4 }), each]);
    return call(r, 'Sum', [product], { axis: [0, 1, 2], keepDims: false });
  });
  return [reshape(r, call(r, 'Pack', parts, { axis: 0 }), shape)];
});

const maxOver = (r: Recorder, x: Value, window: Window): Value => {
  const input = padded(r, x, window, -Infinity);
  return places(window)
    .map((place) => slice(r, input, window, place))
    .reduce((a, b) => call(r, 'Maximum', [a, b]));
};

/** 1 / number of inputs under each window, and at least `least`: borders do not count. */
function shares(r: Recorder, window: Window, least: number): Value {
  const counts = window.axes.map(({ input, output, window: size, stride, before }) =>
    Array.from({ length: output }, (_, i) => Math.max(0, Math.min(input, i * stride - before + size) - Math.max(0, i * stride - before))),
  );
  const all = counts.reduce<number[]>((heads, axis) => heads.flatMap((head) => axis.map((count) => head * count)), [1]);
  return r.constant(all.map((count) => 1 / Math.max(least, count)), [1, ...window.axes.map(({ output }) => output), 1], 'float32'); // prettier-ignore
}

for (const suffix of ['', '3D']) {
  define(`MaxPool${suffix}`, (r, [x], a) => {
    const window = pool(x!.shape, a);
    const input = cast(r, x!, 'float32');
    return [isIdentity(window) ? input : maxOver(r, input, window)];
  });
  define(`AvgPool${suffix}`, (r, [x], a) => {
    const window = pool(x!.shape, a);
    if (isIdentity(window)) return [cast(r, x!, 'float32')];
    const input = padded(r, cast(r, x!, 'float32'), window, 0);
    return [call(r, 'Multiply', [total(r, places(window).map((place) => slice(r, input, window, place))), shares(r, window, suffix === '' ? 0 : 1)])]; // prettier-ignore
  });
  define(`AvgPool${suffix}Grad`, (r, [dy, x], a) => {
    const window = pool(x!.shape, a);
    // TensorFlow.js divides the gradient by the whole window, also where the window reaches over the border.
    const share = r.constant([1 / places(window).length], [], 'float32');
    const each = call(r, 'Multiply', [dy!, share]);
    return [total(r, places(window).map((place) => spreadBack(r, each, window, place)))]; // prettier-ignore
  });
  define(`MaxPool${suffix}Grad`, (r, [dy, x], a) => {
    // The first of equal values gets the gradient, with three axes the last one, as in TensorFlow.js.
    const window = pool(x!.shape, a);
    const input = padded(r, x!, window, -Infinity);
    const most = maxOver(r, x!, window);
    let left = call(r, 'OnesLike', [dy!]);
    const order = suffix === '' ? places(window) : places(window).reverse();
    const parts = order.map((place) => {
        const hit = call(r, 'Multiply', [call(r, 'Cast', [call(r, 'Equal', [slice(r, input, window, place), most])], { dtype: 'float32' }), left]); // prettier-ignore
        left = call(r, 'Sub', [left, hit]);
        return spreadBack(r, call(r, 'Multiply', [dy!, hit]), window, place);
      }); // prettier-ignore
    return [total(r, parts)];
  });
}
