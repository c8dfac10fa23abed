import { tf } from './tf.js';
import type { Case, Draw } from './draw.test.util.js';
import type { HostTensor } from './harness.test.util.js';

/** Test-only: cases of kernels that resize, crop, count, search and normalise. */

type T4 = tf.Tensor4D;
const flag = (d: Draw): boolean => d.int(0, 1) === 1;
/** An image as high as it is wide, because TensorFlow.js swaps the two in a gradient. */
const image = (d: Draw, channels = d.int(1, 3), batch = d.int(1, 2)): HostTensor => {
  const side = d.int(2, 5);
  return d.float([batch, side, side, channels]);
};

const resized =
  (op: typeof tf.image.resizeBilinear, batch?: number) =>
  (d: Draw): Case => {
    const size: [number, number] = [d.int(1, 7), d.int(1, 7)];
    const [corners, half] = [[false, false], [true, false], [false, true]][d.int(0, 2)]!; // prettier-ignore
    return { inputs: [image(d, 2, batch)], fn: (x) => op(x as T4, size, corners, half), gradient: true };
  };

export const MOVES: Record<string, (d: Draw) => Case> = {
  ResizeBilinear: resized(tf.image.resizeBilinear),
  // One image, because the gradient of TensorFlow.js reads the others at wrong places.
  ResizeNearestNeighbor: resized(tf.image.resizeNearestNeighbor as typeof tf.image.resizeBilinear, 1),
  CropAndResize: (d) => {
    const x = image(d);
    const boxes = d.int(1, 4);
    const crop: [number, number] = [d.int(1, 4), d.int(1, 4)];
    const method = flag(d) ? 'bilinear' : 'nearest';
    // Boxes that end beyond the image, backwards, and for an image that is not there.
    return {
      inputs: [x, d.float([boxes, 4], -0.3, 1.3), d.ints([boxes], 0, x.shape[0]!)],
      fn: (x, b, i) => tf.image.cropAndResize(x as T4, b as tf.Tensor2D, i as tf.Tensor1D, crop, method, 0.5),
    };
  },
  FlipLeftRight: (d) => ({ inputs: [image(d)], fn: (x) => tf.image.flipLeftRight(x as T4) }),
  DepthToSpace: (d) => ({ inputs: [image(d, 8)], fn: (x) => tf.depthToSpace(x as T4, 2, 'NHWC') }),
  'SpaceToBatchND, BatchToSpaceND': (d) => {
    const x = d.float([d.int(1, 2), 4, 6, d.int(1, 2)]);
    const paddings = [[d.int(0, 1) * 2, 0], [1, 2]]; // prettier-ignore
    const back = [[1, 0], [0, 1]]; // prettier-ignore
    return {
      inputs: [x],
      fn: (x) => tf.batchToSpaceND(tf.square(tf.spaceToBatchND(x!, [2, 3], paddings)), [2, 3], back),
      gradient: true,
    };
  },
  'LRN, LRNGrad': (d) => {
    const [radius, bias, alpha, beta] = [d.int(0, 3), 1 + d.int(0, 2), 0.5, [0.5, 0.75, 1][d.int(0, 2)]!];
    return { inputs: [image(d, 4)], fn: (x) => tf.localResponseNormalization(x as T4, radius, bias, alpha, beta), gradient: true };
  },
  Cumprod: (d) => {
    const shape = d.shape(1, 4);
    const [axis, exclusive, reverse] = [d.int(0, shape.length - 1), flag(d), flag(d)];
    return { inputs: [d.float(shape)], fn: (x) => tf.cumprod(x, axis, exclusive, reverse) };
  },
  'the gradient of Prod': (d) => ({ inputs: [d.float([d.int(1, 6)], 0.5, 1.5)], fn: (x) => tf.prod(x), gradient: true }),
  Diag: (d) => ({
    inputs: [d.float(d.shape(1, 2)), d.ints([3]), d.bools([2])],
    fn: (x, i, b) => [tf.diag(x!), tf.diag(i!), tf.diag(b!)],
  }),
  Atan2: (d) => {
    const [a, b] = d.pair();
    return { inputs: [d.float(a), d.float(b)], fn: (x, y) => tf.atan2(x!, y!), gradient: true };
  },
  'Atan2 of zeros, infinities and NaN': () => {
    const values = [0, -0, 1, -1, Infinity, -Infinity, NaN];
    const data = Float32Array.from(values);
    return {
      inputs: [
        { shape: [7, 1], dtype: 'float32', data },
        { shape: [1, 7], dtype: 'float32', data },
      ],
      fn: (x, y) => tf.div(1, tf.atan2(x!, y!)),
    };
  },
  BitwiseAnd: (d) => {
    const shape = d.shape(0, 3);
    return { inputs: [d.ints(shape, -99, 99), d.ints(shape, -99, 99)], fn: (a, b) => tf.bitwiseAnd(a!, b!) };
  },
  'Bincount, DenseBincount': (d) => {
    const [rows, columns] = [d.int(1, 3), d.int(1, 5)];
    return {
      inputs: [d.ints([rows, columns], 0, 5), d.float([rows, columns]), d.ints([rows, columns], -3, 3)],
      fn: (x, w, k) => {
        const [flat, none] = [tf.reshape(x!, [-1]) as tf.Tensor1D, [] as unknown as tf.Tensor1D];
        return [
          tf.bincount(flat, tf.reshape(w!, [-1]) as tf.Tensor1D, 4),
          tf.bincount(flat, tf.reshape(k!, [-1]) as tf.Tensor1D, 4),
          tf.bincount(flat, none, 4),
          tf.denseBincount(x as tf.Tensor2D, w as tf.Tensor2D, 4),
          tf.denseBincount(x as tf.Tensor2D, k as tf.Tensor2D, 7),
          tf.denseBincount(x as tf.Tensor2D, none as unknown as tf.Tensor2D, 4, true),
        ];
      },
    };
  },
  SearchSorted: (d) => {
    const sorted = d.ints([2, d.int(1, 5)], 0, 4);
    const half = sorted.data.length / 2;
    sorted.data.subarray(0, half).sort();
    sorted.data.subarray(half).sort();
    return {
      inputs: [sorted, d.ints([2, 4], -1, 5)],
      fn: (s, v) => [tf.lowerBound(s!, v!), tf.upperBound(s!, v!)],
    };
  },
  'batch, layer and group normalisation': (d) => {
    const group = (x: tf.Tensor, axes: number[]): tf.Tensor => {
      const { mean, variance } = tf.moments(x, axes, true);
      return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)));
    };
    return {
      inputs: [image(d, 4), d.float([4]), d.float([4])],
      fn: (x, scale, offset) => {
        const { mean, variance } = tf.moments(x!, [0, 1, 2]);
        const batch = tf.batchNorm(x as T4, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D, 0.1);
        const layer = tf.add(tf.mul(group(x!, [-1]), scale!), offset!);
        const groups = tf.reshape(group(tf.reshape(x!, [...x!.shape.slice(0, 3), 2, 2]), [1, 2, 4]), x!.shape);
        return tf.add(tf.add(batch, layer), groups);
      },
      gradient: true,
    };
  },
};
