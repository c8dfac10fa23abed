import { tf } from '../tf.js';

/**
 * Gradients that TensorFlow.js writes out for the sizes at hand: that of `tf.tile` as one slice for every repetition, which are other operations at
 * other sizes, and those of sums and means with ones of the whole shape, made on the host, which need gigabytes at large sizes. A trace has them
 * as operations of any size.
 */

/** One of every element, without an array on the host. */
const ones = (shape: number[]): tf.Tensor => tf.fill(shape, 1);

/** The gradient of a result without some axes, for every element of `x`. */
function spread(dy: tf.Tensor, x: tf.Tensor, axis: unknown): tf.Tensor {
  const axes = tf.util.parseAxisParam((axis ?? null) as number[], x.shape);
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return tf.mul(tf.reshape(dy, kept), ones(x.shape));
}

type Gradient = (dy: tf.Tensor, x: tf.Tensor, attrs: tf.NamedAttrMap) => tf.Tensor;

const GRADIENTS: Record<string, Gradient> = {
  Sum: (dy, x, { axis }) => spread(dy, x, axis),
  Mean: (dy, x, { axis }) => {
    const axes = tf.util.parseAxisParam((axis ?? null) as unknown as number[], x.shape);
    const count = axes.reduce((total, i) => total * x.shape[i]!, 1);
    return tf.div(spread(dy, x, axis), count);
  },
  Tile: (dy, x, { reps }) => {
    const times = reps as number[];
    // [times, size] for each axis that is repeated, [size] for each other one.
    const pairs = x.shape.map((dim, i) => (times[i] === 1 ? [dim] : [times[i]!, dim]));
    const starts = pairs.map((_, i) => pairs.slice(0, i).flat().length);
    const axes = starts.filter((_, i) => pairs[i]!.length === 2);
    return axes.length === 0 ? dy : tf.sum(tf.reshape(dy, pairs.flat()), axes);
  },
};

const theirs = Object.fromEntries(Object.keys(GRADIENTS).map((kernel) => [kernel, tf.getGradient(kernel)]));

/** Puts these gradients in the place of TensorFlow.js's, not of one that the program has registered, until the returned function is called. */
export function holdGradients(): () => void {
  const held = Object.entries(GRADIENTS).filter(([kernel]) => tf.getGradient(kernel) === theirs[kernel]);
  for (const [kernelName, gradient] of held)
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc: (dy, saved, attrs) => ({ x: () => gradient(dy as tf.Tensor, saved[0]!, attrs) }),
    });
  return () => {
    for (const [kernel] of held) tf.registerGradient(theirs[kernel]!);
  };
}
