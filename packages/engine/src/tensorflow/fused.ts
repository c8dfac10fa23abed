import * as tf from '@tensorflow/tfjs';
import { fast } from '@mdiff/model';
import type { Ops } from '@mdiff/model';
import { foreign } from '@mdiff/trace';
import { kernelsOf } from './kernels.js';
import type { NativeTensorFlow } from './locate.js';

// The denoiser's costly pieces as calls of native/kernels.cc, each its value and its gradient in one pass over memory. They are the
// formulas of @mdiff/model, which says where they come from; checks/native/kernels.ts compares them with it.

type Save = tf.GradSaveFunc;

/** Registers the kernels of a library in the TensorFlow that this process has loaded; the first call settles how many threads they use. */
export function registerKernels(path: string, threads: number): { products: boolean } {
  const loaded = { exports: {} as { open(threads: number): boolean } };
  process.dlopen(loaded, path);
  return { products: loaded.exports.open(threads) };
}

/** Registers the kernels that a built package has; undefined where it has none. */
export function openKernels(found: NativeTensorFlow, threads: number): { products: boolean } | undefined {
  const path = kernelsOf(found);
  return path === undefined ? undefined : registerKernels(path, threads);
}

/** One call whose results have the shapes of some of its inputs. */
const call = (op: string, inputs: readonly tf.Tensor[], like: readonly tf.Tensor[], attrs = {}): tf.Tensor[] =>
  foreign(op, inputs, like.map(({ shape }) => shape), attrs);

const swiglu: Ops['swiglu'] = (gate, up) =>
  tf.customGrad((gate, up, save) => {
    const inputs = [gate as tf.Tensor, up as tf.Tensor];
    (save as Save)(inputs);
    return { value: call('MdiffSwiglu', inputs, [inputs[0]!])[0]!, gradFunc: (dy, saved) => call('MdiffSwigluGrad', [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[]) };
  })(gate, up);

const rmsNorm: Ops['rmsNorm'] = (x, gain, eps) =>
  tf.customGrad((x, gain, save) => {
    const inputs = [x as tf.Tensor, gain as tf.Tensor];
    (save as Save)(inputs);
    return { value: call('MdiffRmsNorm', inputs, [inputs[0]!], { eps })[0]!, gradFunc: (dy, saved) => call('MdiffRmsNormGrad', [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[], { eps }) };
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

const feedForward: NonNullable<Ops['feedForward']> = (x, [gate, up, down], onto) =>
  tf.customGrad((...all) => {
    const save = all.pop() as unknown as Save;
    const inputs = all as tf.Tensor[];
    save(inputs.slice(0, 4));
    return {
      value: call('MdiffFeedForward', inputs, [inputs[4]!])[0]!,
      gradFunc: (dy, saved) => [...call('MdiffFeedForwardGrad', [...(saved as tf.Tensor[]), dy], saved as tf.Tensor[]), dy],
    };
  })(x, gate, up, down, onto);

const selfAttention: NonNullable<Ops['selfAttention']> = (x, weights, onto, { segments, causal, rotation: { query, key } }) => {
  const frame = [segments, causal, query.cos, query.sin, key.cos, key.sin];
  return tf.customGrad((...all) => {
    const save = all.pop() as unknown as Save;
    const inputs = all as tf.Tensor[];
    save(inputs.slice(0, 5));
    return {
      value: call('MdiffSelfAttention', [...inputs, ...frame], [inputs[5]!])[0]!,
      gradFunc: (dy, saved) => [...call('MdiffSelfAttentionGrad', [...(saved as tf.Tensor[]), dy, ...frame], saved as tf.Tensor[]), dy],
    };
  })(x, ...weights, onto);
};

/** `products`: with the pieces whose matrix products are in bfloat16. */
export const fusedOps = (products: boolean): Ops => ({ ...fast, swiglu, rmsNorm, convolve, ...(products && { feedForward, selfAttention }) });
