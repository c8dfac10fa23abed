import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';
import { activate } from './products.js';
import { call, define, reshape } from './rules.js';

/**
 * Recording rules of convolutions, of one to three spatial axes, with their gradients. Each is written as one slice, product and
 * sum for every place of the window, with kernels that a graph has already, so that every target can run them.
 */

const { backend_util } = tf;

/** Along one spatial axis. */
interface Axis {
  input: number;
  output: number;
  window: number;
  stride: number;
  dilation: number;
  before: number;
}

/** A window over the spatial axes of [batch, …axes, channels]. */
export interface Window {
  axes: Axis[];
  channels: number;
}

interface ConvInfo {
  dataFormat: string;
  inDepth?: number;
  inHeight: number;
  inWidth: number;
  outDepth?: number;
  outHeight: number;
  outWidth: number;
  filterDepth?: number;
  filterHeight: number;
  filterWidth: number;
  strideDepth?: number;
  strideHeight: number;
  strideWidth: number;
  dilationDepth?: number;
  dilationHeight: number;
  dilationWidth: number;
  inChannels: number;
  padInfo: { front?: number; top: number; left: number };
}

export function windowOf(info: ConvInfo): Window {
  if (info.dataFormat === 'channelsFirst') throw new TraceError("a convolution with data format 'NCHW' cannot be traced; use 'NHWC'");
  const { padInfo } = info;
  const axes: Axis[] = [
    [info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.dilationHeight, padInfo.top],
    [info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.dilationWidth, padInfo.left],
  ].map(([input, output, window, stride, dilation, before]) => ({ input, output, window, stride, dilation, before }) as Axis);
  if (info.inDepth !== undefined)
    axes.unshift({
      input: info.inDepth,
      output: info.outDepth!,
      window: info.filterDepth!,
      stride: info.strideDepth!,
      dilation: info.dilationDepth!,
      before: padInfo.front!,
    });
  return { axes, channels: info.inChannels };
}

/** Every place in a window, as its number along each axis. */
export const places = ({ axes }: Window): number[][] =>
  axes.reduce<number[][]>((heads, { window }) => heads.flatMap((head) => Array.from({ length: window }, (_, i) => [...head, i])), [[]]);

/** Rows of the padded input that the windows reach, so that every slice has the size of the output. */
const reach = ({ output, window, stride, dilation }: Axis): number => (output - 1) * stride + (window - 1) * dilation + 1;

/** The input with the border that the windows reach into, and without what they do not reach. */
export function padded(r: Recorder, x: Value, { axes }: Window, value: number): Value {
  const border = axes.map((axis) => [axis.before, Math.max(0, reach(axis) - axis.before - axis.input)]);
  if (border.every(([before, after]) => before === 0 && after === 0)) return x;
  return call(r, 'PadV2', [x], { paddings: [[0, 0], ...border, [0, 0]], constantValue: value });
}

/** What the windows have at one place: [batch, …outputs, channels]. */
export function slice(r: Recorder, x: Value, { axes }: Window, place: number[]): Value {
  const begin = [0, ...axes.map(({ dilation }, i) => place[i]! * dilation), 0];
  const steps = [1, ...axes.map(({ stride }) => stride), 1];
  const end = [x.shape[0]!, ...axes.map(({ output, stride }, i) => begin[i + 1]! + (output - 1) * stride + 1), x.shape.at(-1)!];
  const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
  return call(r, 'StridedSlice', [x], { begin, end, strides: steps, ...masks });
}

/** The reverse of `slice`: values at one place of the windows, laid out over the input [batch, …inputs, channels], with zeros between. */
export function spreadBack(r: Recorder, value: Value, { axes }: Window, place: number[]): Value {
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

export const total = (r: Recorder, parts: Value[]): Value => parts.reduce((a, b) => call(r, 'Add', [a, b]));

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

/** Gradient of a convolution with regard to its input; also the transposed convolution. */
function convolveBack(r: Recorder, dy: Value, filter: Value, window: Window): Value {
  const wanted = window.axes.map(({ output }) => output);
  const given = dy.shape.slice(1, -1);
  if (wanted.some((size, i) => size !== given[i]))
    throw new TraceError(
      `a transposed convolution of [${given.join()}] places to [${window.axes.map(({ input }) => input).join()}] cannot be traced: its strides and padding lead to [${wanted.join()}] places; give it a fitting output shape`,
    );
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

type Attrs = Record<string, unknown>;
const conv2d = (x: number[], filter: number[], a: Attrs, depthwise = false): Window =>
  windowOf(
    backend_util.computeConv2DInfo(
      x as [number, number, number, number],
      filter as [number, number, number, number],
      a.strides as [number, number],
      (a.dilations as [number, number] | undefined) ?? 1,
      a.pad as number,
      a.dimRoundingMode as 'floor' | undefined,
      depthwise,
      backend_util.convertConv2DDataFormat((a.dataFormat as 'NHWC' | undefined) ?? 'NHWC'),
    ),
  );
const conv3d = (x: number[], filter: number[], a: Attrs): Window =>
  windowOf(
    backend_util.computeConv3DInfo(
      x as [number, number, number, number, number],
      filter as [number, number, number, number, number],
      a.strides as [number, number, number],
      (a.dilations as [number, number, number] | undefined) ?? 1,
      a.pad as 'same',
    ),
  );

for (const [names, windowFor] of [
  [['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'], conv2d],
  [['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'], conv3d],
] as const) {
  define(names[0], ['x', 'filter'], () => (r, [x, filter], a) => [convolve(r, x!, filter!, windowFor(x!.shape, filter!.shape, a))]);
  define(names[1], ['dy', 'filter'], () => (r, [dy, filter], a) => [
    convolveBack(r, dy!, filter!, windowFor(a.inputShape as number[], filter!.shape, a)),
  ]);
  define(names[2], ['x', 'dy'], () => (r, [x, dy], a) => [
    filterGradient(r, x!, dy!, a.filterShape as number[], windowFor(x!.shape, a.filterShape as number[], a)),
  ]);
}

/** [batch, …, channels] times [channels, multiplier] → [batch, …, channels · multiplier] */
function timesEach(r: Recorder, x: Value, weights: Value): Value {
  const product = call(r, 'Multiply', [call(r, 'ExpandDims', [x], { dim: x.shape.length }), weights]);
  return reshape(r, product, [...x.shape.slice(0, -1), weights.shape[0]! * weights.shape[1]!]);
}

define('DepthwiseConv2dNative', ['x', 'filter'], () =>
  (r, [x, filter], a) => {
    const window = conv2d(x!.shape, filter!.shape, a, true);
    const input = padded(r, x!, window, 0);
    return [total(r, places(window).map((place) => timesEach(r, slice(r, input, window, place), filterAt(r, filter!, place))))]; // prettier-ignore
  });
define('DepthwiseConv2dNativeBackpropInput', ['dy', 'filter'], () =>
  (r, [dy, filter], a) => {
    const window = conv2d(a.inputShape as number[], filter!.shape, a, true);
    const each = reshape(r, dy!, [...dy!.shape.slice(0, -1), ...filter!.shape.slice(2)]);
    const parts = places(window).map((place) => {
      const product = call(r, 'Multiply', [each, filterAt(r, filter!, place)]);
      return spreadBack(r, call(r, 'Sum', [product], { axis: [4], keepDims: false }), window, place);
    });
    return [total(r, parts)];
  });
define('DepthwiseConv2dNativeBackpropFilter', ['x', 'dy'], () =>
  (r, [x, dy], a) => {
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

for (const [name, plain] of [
  ['FusedConv2D', 'Conv2D'],
  ['FusedDepthwiseConv2D', 'DepthwiseConv2dNative'],
] as const)
  define(
    name,
    ['x', 'filter', 'bias', 'preluActivationWeights'],
    () =>
      (r, [x, filter, bias, weights], a) =>
        activate(r, call(r, plain, [x!, filter!], a), bias, weights, a),
  );
