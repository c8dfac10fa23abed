import type { Attr, Attrs } from '../graph/graph.js';
import { conv2d, conv3d, isIdentity, pool, reach, type Axis, type Window } from './geometry.js';
import { activate } from './products.js';
import type { Recorder, Value } from './recorder.js';
import { call, cast, define } from './rules.js';
import { SLICES, checkPlaces } from './slices.js';

/**
 * Recording rules of convolutions and pooling, of one to three spatial axes, with their gradients. A node keeps the attributes that the kernel
 * of TensorFlow.js takes, and `axes`, which says the same in numbers, as operators of other runtimes take them.
 */

type Given = Record<string, unknown>;

const KEPT = ['strides', 'pad', 'dataFormat', 'dilations', 'dimRoundingMode', 'filterSize', 'inputShape', 'filterShape'];

/** [window, stride, dilation, before, after] of a spatial axis. Of `after` rows behind the input the windows reach the last; if negative, they leave out the last of the input. */
const numbers = (axis: Axis): number[] => [axis.window, axis.stride, axis.dilation, axis.before, reach(axis) - axis.before - axis.input];

const attrsOf = (a: Given, { axes }: Window): Attrs => ({
  ...Object.fromEntries(KEPT.filter((key) => a[key] !== undefined && a[key] !== null).map((key) => [key, a[key] as Attr])),
  axes: axes.map(numbers),
});

const outputs = ({ axes }: Window): number[] => axes.map(({ output }) => output);

for (const [names, windowFor] of [
  [['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'], (x: number[], filter: number[], a: Given) => conv2d(x, filter, a)],
  [['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'], conv3d],
  [
    ['DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackpropInput', 'DepthwiseConv2dNativeBackpropFilter'],
    (x: number[], filter: number[], a: Given) => conv2d(x, filter, a, true),
  ],
] as const) {
  define(names[0], ['x', 'filter'], (name) => (r, [x, filter], a) => {
    const window = windowFor(x!.shape, filter!.shape, a);
    const [input, output] = filter!.shape.slice(-2) as [number, number];
    const channels = name === 'DepthwiseConv2dNative' ? input * output : output;
    return [r.emit(name, [x!, filter!], attrsOf(a, window), [x!.shape[0]!, ...outputs(window), channels], 'float32')];
  });
  define(names[1], ['dy', 'filter'], (name) => (r, [dy, filter], a) => {
    const shape = a.inputShape as number[];
    const window = windowFor(shape, filter!.shape, a);
    checkPlaces(dy!, window);
    return [r.emit(name, [dy!, filter!], attrsOf(a, window), shape, 'float32')];
  });
  define(names[2], ['x', 'dy'], (name) => (r, [x, dy], a) => {
    const shape = a.filterShape as number[];
    return [r.emit(name, [x!, dy!], attrsOf(a, windowFor(x!.shape, shape, a)), shape, 'float32')];
  });
}

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

/** Some window covers nothing but border, for which runtimes have values of their own. */
const coversBorder = ({ axes }: Window): boolean =>
  axes.some((axis) => axis.before >= axis.window || reach(axis) - axis.before - axis.input >= axis.window);

function recordPool(name: string, keys: string[], shapeOf: (x: Value, window: Window) => number[]): void {
  define(name, keys, () => (r: Recorder, inputs, a) => {
    const x = inputs[keys.length === 1 ? 0 : 1]!;
    const window = pool(x.shape, a);
    const cast32 = inputs.map((input) => cast(r, input, 'float32'));
    if (coversBorder(window)) return SLICES.get(name)!(r, cast32, a);
    if (keys.length === 1 && isIdentity(window)) return cast32;
    return [r.emit(name, cast32, attrsOf(a, window), shapeOf(x, window), 'float32')];
  });
}

for (const suffix of ['', '3D']) {
  const pooled = (x: Value, window: Window): number[] => [x.shape[0]!, ...outputs(window), x.shape.at(-1)!];
  recordPool(`MaxPool${suffix}`, ['x'], pooled);
  recordPool(`AvgPool${suffix}`, ['x'], pooled);
  recordPool(`MaxPool${suffix}Grad`, ['dy', 'input', 'output'], (x) => x.shape);
  recordPool(`AvgPool${suffix}Grad`, ['dy', 'input'], (x) => x.shape);
}
