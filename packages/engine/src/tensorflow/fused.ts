import { tf } from '@mdiff/model';
import { fast } from '@mdiff/model';
import type { Ops } from '@mdiff/model';
import { foreign } from '@mdiff/trace';
import type { RuntimeOps } from '@mdiff/trace';
import { kernelsOf } from './kernels.js';
import type { NativeTensorFlow } from './locate.js';
import { allowedVariants } from './variants.js';
import type { ProductVariant } from './variants.js';

// The denoiser's costly pieces as calls of native/kernels.cc, which computes each value and each gradient in one pass over memory. The
// formulas are those of @mdiff/model, which cites their sources; checks/native/kernels.ts compares the two.

type Save = tf.GradSaveFunc;

/** The kernels of a process. */
export interface Kernels {
  /** that a step may take, the fastest of each precision first */
  variants: readonly ProductVariant[];
}

/** Registers the kernels of a library in the TensorFlow that this process has loaded. The first call decides their number of threads. */
export function registerKernels(path: string, threads: number): Kernels {
  const addon = { exports: {} as { open(threads: number): string[] } };
  process.dlopen(addon, path);
  return { variants: allowedVariants(addon.exports.open(threads)) };
}

/** Registers the kernels of a built package; undefined if it has none. */
export function openKernels(library: NativeTensorFlow, threads: number): Kernels | undefined {
  const path = kernelsOf(library);
  return path === undefined ? undefined : registerKernels(path, threads);
}

/** Calls an operation whose results have the shapes of `like`. */
const call = (op: string, inputs: readonly tf.Tensor[], like: readonly tf.Tensor[], attrs = {}): tf.Tensor[] =>
  foreign(
    op,
    inputs,
    like.map(({ shape }) => shape),
    attrs,
  );

const swiglu: Ops['swiglu'] = (gate, up) =>
  tf.customGrad((gate, up, save) => {
    const inputs = [gate as tf.Tensor, up as tf.Tensor];
    (save as Save)(inputs);
    return {
      value: call('MdiffSwiglu', inputs, [inputs[0]!])[0]!,
      gradFunc: (dy, saved) => call('MdiffSwigluGrad', [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[]),
    };
  })(gate, up);

const rmsNorm: Ops['rmsNorm'] = (x, gain, eps) =>
  tf.customGrad((x, gain, save) => {
    const inputs = [x as tf.Tensor, gain as tf.Tensor];
    (save as Save)(inputs);
    return {
      value: call('MdiffRmsNorm', inputs, [inputs[0]!], { eps })[0]!,
      gradFunc: (dy, saved) => call('MdiffRmsNormGrad', [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[], { eps }),
    };
  })(x, gain) as tf.Tensor2D;

const convolve: Ops['convolve'] = (x, weight, { segments, causal }) =>
  tf.customGrad((x, weight, save) => {
    const inputs = [x as tf.Tensor, weight as tf.Tensor];
    (save as Save)(inputs);
    return {
      value: call('MdiffConvolve', [...inputs, segments, causal], [inputs[0]!])[0]!,
      gradFunc: (dy, saved) => call('MdiffConvolveGrad', [...(saved as tf.Tensor[]), segments, causal, dy], saved as tf.Tensor[]),
    };
  })(x, weight) as tf.Tensor2D;

const feedForward =
  (suffix: string): NonNullable<Ops['feedForward']> =>
  (x, [gate, up, down], onto) =>
    tf.customGrad((...all) => {
      const save = all.pop() as unknown as Save;
      const inputs = all as tf.Tensor[];
      save(inputs.slice(0, 4));
      return {
        value: call(`MdiffFeedForward${suffix}`, inputs, [inputs[4]!])[0]!,
        gradFunc: (dy, saved) => [...call(`MdiffFeedForwardGrad${suffix}`, [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[]), dy],
      };
    })(x, gate, up, down, onto);

const selfAttention =
  (suffix: string): NonNullable<Ops['selfAttention']> =>
  (x, weights, onto, { segments, causal, rotation: { query, key } }) => {
    const frame = [segments, causal, query.cos, query.sin, key.cos, key.sin];
    return tf.customGrad((...all) => {
      const save = all.pop() as unknown as Save;
      const inputs = all as tf.Tensor[];
      save(inputs.slice(0, 5));
      return {
        value: call(`MdiffSelfAttention${suffix}`, [...inputs, ...frame], [inputs[5]!])[0]!,
        gradFunc: (dy, saved) => [
          ...call(`MdiffSelfAttentionGrad${suffix}`, [...(saved as tf.Tensor[]), dy, ...frame], saved as tf.Tensor[]),
          dy,
        ],
      };
    })(x, ...weights, onto);
  };

/** `products`: also the pieces that contain matrix products, by this variant. */
export const fusedOps = (products?: ProductVariant): Ops => ({
  ...fast,
  swiglu,
  rmsNorm,
  convolve,
  ...(products && { feedForward: feedForward(products.suffix), selfAttention: selfAttention(products.suffix) }),
});

/** Operations that replace TensorFlow's own. */
export const runtimeOps = (products?: ProductVariant): RuntimeOps => ({
  softmax: 'MdiffSoftmax',
  ...(products && {
    product: `MdiffProduct${products.suffix}`,
    productAdd: `MdiffProductAdd${products.suffix}`,
    precision: products.precision,
  }),
});
