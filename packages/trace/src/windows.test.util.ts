import { tf } from './tf.js';
import type { Case, Draw } from './draw.test.util.js';
import type { HostTensor } from './harness.test.util.js';

/** Test-only: cases of convolutions and pooling. */

type T4 = tf.Tensor4D;
type T5 = tf.Tensor5D;
type Pad = 'same' | 'valid';

const pick = <T>(d: Draw, choices: readonly T[]): T => choices[d.int(0, choices.length - 1)]!;
const pad = (d: Draw): Pad => pick(d, ['same', 'valid'] as const);
const strides = (d: Draw): [number, number] => [d.int(1, 2), d.int(1, 3)];
const image = (d: Draw, channels: number): HostTensor => d.float([d.int(1, 2), d.int(3, 6), d.int(3, 6), channels]);
const filter = (d: Draw, input: number, output: number): HostTensor => d.float([d.int(1, 3), d.int(1, 3), input, output], -1, 1);
const four = [[0, 0], [1, 0], [2, 1], [0, 0]] as [[number, number], [number, number], [number, number], [number, number]]; // prettier-ignore

export const WINDOWED: Record<string, (d: Draw) => Case> = {
  'Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter': (d) => {
    const [input, output] = [d.int(1, 3), d.int(1, 3)];
    const [step, border] = [strides(d), pick(d, ['same', 'valid', four] as const)];
    return {
      inputs: [image(d, input), filter(d, input, output)],
      fn: (x, w) => tf.conv2d(x as T4, w as T4, step, border as Pad, 'NHWC', 1, border === four ? 'floor' : undefined),
      gradient: true,
    };
  },
  'Conv2D with dilations': (d) => ({
    inputs: [image(d, 2), filter(d, 2, 3)],
    fn: (x, w) => tf.conv2d(x as T4, w as T4, 1, 'same', 'NHWC', [d.int(2, 2), 1]),
  }),
  'a transposed convolution': (d) => {
    const shape: [number, number, number, number] = [2, d.int(3, 6), d.int(3, 6), 2];
    return {
      inputs: [d.float([2, Math.ceil(shape[1] / 2), Math.ceil(shape[2] / 2), 3]), d.float([3, 2, 2, 3])],
      fn: (x, w) => tf.conv2dTranspose(x as T4, w as T4, shape, 2, 'same'),
      gradient: true,
    };
  },
  'Conv3D, Conv3DBackpropInputV2, Conv3DBackpropFilterV2': (d) => {
    const border = pad(d);
    return {
      inputs: [d.float([2, 3, 4, 3, 2]), d.float([d.int(1, 2), 2, d.int(1, 3), 2, 2], -1, 1)],
      fn: (x, w) => tf.conv3d(x as T5, w as T5, [1, 2, 1], border),
      gradient: true,
    };
  },
  'DepthwiseConv2dNative, DepthwiseConv2dNativeBackpropInput, DepthwiseConv2dNativeBackpropFilter': (d) => {
    const [channels, step, border] = [d.int(1, 3), d.int(1, 2), pad(d)];
    return {
      inputs: [image(d, channels), filter(d, channels, d.int(1, 2))],
      fn: (x, w) => tf.depthwiseConv2d(x as T4, w as T4, step, border),
      gradient: true,
    };
  },
  'MaxPool, MaxPoolGrad': (d) => {
    const [size, step, border] = [d.int(1, 3), d.int(1, 3), pad(d)];
    return { inputs: [d.distinct([2, 5, 4, 2])], fn: (x) => tf.maxPool(x as T4, size, step, border), gradient: true };
  },
  'MaxPool of equal values': (d) => ({ inputs: [d.float([2, 4, 6, 2], -1, 1)], fn: (x) => tf.maxPool(tf.relu(x) as T4, 2, 2, 'valid'), gradient: true }), // prettier-ignore
  'AvgPool, AvgPoolGrad': (d) => {
    const [size, step, border] = [d.int(1, 3), d.int(1, 3), pad(d)];
    return { inputs: [image(d, 2)], fn: (x) => tf.avgPool(x as T4, size, step, border), gradient: true };
  },
  'MaxPool3D, MaxPool3DGrad': (d) => {
    const border = pad(d);
    return { inputs: [d.distinct([1, 4, 3, 4, 2])], fn: (x) => tf.maxPool3d(x as T5, 2, [2, 1, 2], border), gradient: true };
  },
  'AvgPool3D, AvgPool3DGrad': (d) => {
    const border = pad(d);
    return { inputs: [d.float([2, 4, 3, 3, 2])], fn: (x) => tf.avgPool3d(x as T5, 2, [1, 2, 2], border), gradient: true };
  },
  'a network of convolutions': (d) => ({
    inputs: [image(d, 2), d.float([3, 3, 2, 4], -1, 1), d.float([4]), d.float([2, 2, 8, 3], -1, 1)],
    fn: (x, w, b, v) => {
      const first = tf.relu(tf.add(tf.conv2d(x as T4, w as T4, 1, 'same'), b!)) as T4;
      const joined = tf.concat([tf.sub(first, tf.mean(first, [1, 2], true)), tf.mul(first, tf.max(first, 3, true))], 3) as T4;
      const second = tf.conv2d(tf.pad(tf.maxPool(joined, 2, 1, 'same'), [[0, 0], [1, 0], [0, 1], [0, 0]]) as T4, v as T4, 2, 'valid'); // prettier-ignore
      return tf.sum(second, [1, 2]);
    },
    gradient: true,
  }),
};
