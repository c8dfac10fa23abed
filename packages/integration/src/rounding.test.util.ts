import * as tf from '@tensorflow/tfjs';
import { stream } from '@mdiff/diffusion';
import { tfjsCore } from '@mdiff/engine/compute';
import type { Engine, EngineOptions } from '@mdiff/engine';
import { apart, batchOf, batchesOf, differences, distance, optionsOf, trained, updateOf } from './parity.test.util.js';
import type { BatchShape, Trained, Variant } from './parity.test.util.js';

// Limits from a control instead of from the worst difference that someone has seen on one processor. The control is the reference itself, with
// every operand and every result of its matrix products off by up to the unit roundoff in a direction drawn from a seed. An engine that
// rounds correctly may differ from the reference about as much as the control does; the limits are multiples of the control's differences.

/** Largest relative error of one rounding: 24 bits, 11 bits and 8 bits of significand. Two float32 engines differ by twice the first. */
export const UNIT_ROUNDOFF = { float32: 2 ** -24, tf32: 2 ** -11, bfloat16: 2 ** -8 } as const;

type Steps = Pick<Engine, 'grads' | 'gradient' | 'apply' | 'step' | 'evaluate' | 'read'>;

/** Runs `fn` while tfjs-cpu multiplies with errors of up to `roundoff`, relative, drawn from `seed`. */
async function withRounding<T>(roundoff: number, seed: readonly number[], fn: () => Promise<T>): Promise<T> {
  const kernel = tf.getKernel('BatchMatMul', 'cpu')!;
  const rng = stream(0, 'rounding', ...seed);
  const rounded = (x: tf.TensorInfo): tf.Tensor => {
    const values = (tf.backend() as unknown as { readSync(id: object): Float32Array }).readSync(x.dataId);
    return tf.tensor(
      Float32Array.from(values, (value) => value * (1 + roundoff * (2 * rng.next() - 1))),
      x.shape,
      'float32',
    );
  };
  tf.unregisterKernel('BatchMatMul', 'cpu');
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as Record<'a' | 'b', tf.TensorInfo>;
      return rounded(kernel.kernelFunc({ ...call, inputs: { a: rounded(a), b: rounded(b) } }) as tf.TensorInfo);
    },
  });
  try {
    return await fn();
  } finally {
    tf.unregisterKernel('BatchMatMul', 'cpu');
    tf.registerKernel(kernel);
  }
}

/** The reference on this thread, its training products with errors of up to `roundoff`; evaluation has none, as in every engine. */
async function control(options: EngineOptions, roundoff: number, seed: number): Promise<Steps> {
  await tf.setBackend('cpu');
  const core = tfjsCore({ ...options, engine: 'tfjs' });
  let call = 0;
  const rounding = <T>(fn: () => Promise<T>): Promise<T> => (roundoff === 0 ? fn() : withRounding(roundoff, [seed, call++], fn));
  return {
    ...core,
    grads: (batch) => rounding(() => core.grads(batch)),
    step: (batches, update) => rounding(() => core.step({ batches, update })),
  };
}

interface Guided {
  losses: number[];
  gradients: Float32Array[];
  /** cross-entropy of one batch after the last update */
  ce: Float32Array;
}

/** Losses and gradients of 20 steps whose updates take the gradients of `lead`, so that no difference is carried on from step to step. */
async function guided(engine: Steps, variant: Variant, lead?: Guided): Promise<Guided> {
  const losses: number[] = [];
  const gradients: Float32Array[] = [];
  for (let step = 1; step <= 20; step++) {
    let loss = 0;
    for (const batch of batchesOf(variant, step)) loss += (await engine.grads(batch)).loss;
    losses.push(loss);
    gradients.push(await engine.gradient());
    await engine.apply(updateOf(variant, step), (lead?.gradients ?? gradients)[step - 1]!.slice());
  }
  return {
    losses,
    gradients,
    ce: await engine.evaluate(batchOf({ ...variant, model: { ...variant.model, dropout: 0, attention_dropout: 0 } }, 1)),
  };
}

const rms = (values: readonly number[]): number => Math.hypot(...values) / Math.sqrt(values.length);
const between = (a: ArrayLike<number>, b: ArrayLike<number>): number => rms(Array.from(a, (value, i) => value - b[i]!));

const gradientError = (a: Guided, b: Guided): number =>
  rms(a.gradients.map((gradient, i) => distance(gradient, b.gradients[i]!))) / rms(b.gradients.map((gradient) => Math.hypot(...gradient)));

/** One difference from the reference, and what it may be. */
export interface Comparison {
  what: string;
  difference: number;
  limit: number;
}

/**
 * How far an engine whose products round by `roundoff` is from the reference after 20 steps, and how far it may be.
 *
 * At the reference's weights (guided) nothing is amplified, and 20 gradients of all parameters average over many roundings: two seeds of the control
 * agree to a fifth, native TensorFlow without AMX has 0.7 to 1.6 of the control's error over all kinds of network. 3 times the control is a few
 * hundredths of the gradient. Tried on the plain network: products too large by a twentieth exceed it sevenfold (0.29 where 0.040 is allowed). Left to itself (free), a training carries each error on. Seeds then differ by
 * a factor of 2 in the weights and of 5 in a cross-entropy (ReLU most: a rounding switches units on and off), hence wider multiples of three seeds.
 */
export async function comparedWithin(
  roundoff: number,
  variant: Variant,
  open: (options: EngineOptions) => Promise<Engine>,
): Promise<Comparison[]> {
  const options = optionsOf(variant);
  const exact = await guided(await control(options, 0, 0), variant);
  const near = await guided(await control(options, roundoff, 0), variant, exact);
  const free = await trained(await control(options, 0, 0), variant);
  const frees: Trained[] = [];
  for (const seed of [1, 2, 3]) frees.push(await trained(await control(options, roundoff, seed), variant));

  const engine = await open(options);
  try {
    const own = await trained(engine, variant);
    const start = await open(options);
    const led = await guided(start, variant, exact).finally(() => start.close());
    const spread = (of: (one: Trained) => number): number => rms(frees.map(of));
    const [losses, ce, weights] = [
      (one: Trained) => between(one.losses, free.losses),
      (one: Trained) => between(one.ce, free.ce),
      (one: Trained) => distance(one.state.params, free.state.params),
    ] as const;
    return [
      { what: 'gradients, guided', difference: gradientError(led, exact), limit: 3 * gradientError(near, exact) },
      { what: 'losses, guided', difference: between(led.losses, exact.losses), limit: 5 * between(near.losses, exact.losses) },
      // Updates and evaluation are float32: a row goes through about a hundred roundings of numbers near 4.
      { what: 'cross-entropies, guided', difference: apart(led.ce, exact.ce), limit: 100 * UNIT_ROUNDOFF.float32 * 4 },
      { what: 'losses', difference: losses(own), limit: 10 * spread(losses) },
      { what: 'cross-entropies', difference: ce(own), limit: 10 * spread(ce) },
      { what: 'weights', difference: weights(own), limit: 5 * spread(weights) },
    ];
  } finally {
    await engine.close();
  }
}

type Differences = ReturnType<typeof differences>;
const limitsOf = new WeakMap<Trained, Promise<Differences>>();

/**
 * Limits for `differences` of a float32 engine from `reference`: 20 times the largest of `controls` controls with errors of both sides' roundings, since products
 * are not all that rounds; never below a hundred roundings of a number near 4, because a control may be lucky. Fewer controls never give wider limits.
 * The limits of a reference are measured once.
 */
export function float32Limits(variant: Variant, reference: Trained, controls = 3): Promise<Differences> {
  const limits = limitsOf.get(reference) ?? measuredLimits(variant, reference, controls);
  limitsOf.set(reference, limits);
  return limits;
}

async function measuredLimits(variant: Variant, reference: Trained, controls: number): Promise<Differences> {
  const limits = differences(reference, reference);
  for (let seed = 1; seed <= controls; seed++) {
    const seen = differences(reference, await trained(await control(optionsOf(variant), 2 * UNIT_ROUNDOFF.float32, seed), variant));
    for (const name of Object.keys(limits) as (keyof typeof limits)[])
      limits[name] = Math.max(limits[name], 20 * seen[name], 100 * UNIT_ROUNDOFF.float32 * 4);
  }
  return limits;
}

/** How far a loss whose products round by `roundoff` may be from the loss in float32 over batches of these shapes: 6 times the control's, over eight seeds. */
export async function lossRounding(roundoff: number, variant: Variant, shapes: readonly BatchShape[]): Promise<number> {
  const errors: number[] = [];
  for (const shape of shapes) {
    const batch = batchOf(variant, 1, 0, shape);
    const exact = await (await control(optionsOf(variant), 0, 0)).grads(batch);
    for (let seed = 1; seed <= 8; seed++)
      errors.push((await (await control(optionsOf(variant), roundoff, seed)).grads(batch)).loss - exact.loss);
  }
  return 6 * rms(errors);
}
