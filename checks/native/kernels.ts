// The fused kernels of native TensorFlow (packages/engine/native/kernels.cc) against the plain operations of @mdiff/model on tfjs-cpu: values and
// gradients of every piece, at sizes that fill no tile and no vector; those with products in every variant that this processor has.
//   MDIFF_TENSORFLOW=<folder of a built tfjs-node with lib/kernels.so> node --conditions=@mdiff/source --import tsx checks/native/kernels.ts
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { stream } from '@mdiff/diffusion';
import { frame, plain } from '@mdiff/model';
import type { DenoiserConfig, Frame, Ops } from '@mdiff/model';
import { optimize, toSavedModel, trace } from '@mdiff/trace';
import { adamw, locateTensorFlow, loadTensorFlow, tensorflowEnvironment } from '@mdiff/engine';
import { fusedOps, openKernels, productVariants, runtimeOps } from '@mdiff/engine/compute';
import type { ProductVariant } from '@mdiff/engine/compute';

const found = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' });
if (!found) throw new Error('native TensorFlow is not installed; run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW');
Object.assign(process.env, tensorflowEnvironment(found, { device: 'cpu' }), { ONEDNN_DEFAULT_FPMATH_MODE: 'STRICT' });
const native = loadTensorFlow(found);
const kernels = openKernels(found, 3);
if (!kernels) throw new Error(`${found.folder} has no lib/kernels.so; run "mdiff engine install tensorflow"`);

/**
 * Largest |a − b| over the largest |b|. float32: sums of up to 800 terms in another order differ by 800 · 2⁻²⁴ (5e-5) if all roundings add up, and by less than
 * half of that where they are independent. bfloat16: a rounding is up to 2⁻⁸ of an operand, and a gradient passes at most five rounded operands in a row, 2e-2.
 * Small whole numbers are exact in either precision, and so are sums below 2²⁴: every variant has the very numbers of the plain operations.
 */
const TOLERANCE = { float32: 2e-5, bfloat16: 2e-2 };
const rng = stream(11, 'kernels');
const numbers = (...shape: number[]): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.next() * 2 - 1),
    shape,
  );
const wholeNumbers = (...shape: number[]): tf.Tensor =>
  numbers(...shape)
    .mul(8)
    .round();

interface Geometry {
  B: number;
  S: number;
  D: number;
  H: number;
  F: number;
  causal: number;
}

/** A function of a frame and of tensors, which it is differentiated by. */
interface Piece {
  inputs: (g: Geometry) => tf.Tensor[];
  of: (ops: Ops, inputs: tf.Tensor[], at: Frame) => tf.Tensor;
  /** its results are whole numbers if its inputs and `dy` are, and no variant may be off by anything */
  exact?: boolean;
}

const config = ({ D, H, F, S }: Geometry): DenoiserConfig =>
  ({
    d_model: D,
    n_heads: H,
    n_layers: 1,
    d_ff: F,
    vocab_size: 32,
    max_seq_len: S,
    norm_type: 'rmsnorm',
    norm_eps: 1e-5,
    activation: 'swiglu',
    pos_encoding: 'rope',
    use_bias: false,
    conv_width: 5,
    tie_embeddings: true,
    dropout: 0,
    attention_dropout: 0,
    init_std: 0.02,
  }) as DenoiserConfig;

/** Attention with its projections, written with the plain pieces. */
function plainAttention([x, q, k, v, o, onto]: tf.Tensor[], { B, S, D, H }: Geometry, { bias, rotation }: Frame): tf.Tensor {
  const heads = (weight: tf.Tensor) => tf.transpose(tf.matMul(x!, weight).reshape([B, S, H, D / H]), [0, 2, 1, 3]);
  const out = plain.attend(plain.rotate(heads(q!), rotation!.query), plain.rotate(heads(k!), rotation!.key), heads(v!), bias);
  return tf.add(onto!, tf.matMul(tf.transpose(out, [0, 2, 1, 3]).reshape([B * S, D]), o!));
}

const withoutProducts: Record<string, Piece> = {
  RMSNorm: { inputs: ({ B, S, D }) => [numbers(B * S, D), numbers(D)], of: (ops, [x, gain]) => ops.rmsNorm(x!, gain!, 1e-5) },
  SwiGLU: { inputs: ({ B, S, F }) => [numbers(B * S, F).mul(20), numbers(B * S, F)], of: (ops, [gate, up]) => ops.swiglu(gate!, up!) },
  convolution: {
    inputs: ({ B, S, D }) => [numbers(B * S, D), numbers(5, D)],
    of: (ops, [x, weight], { taps }) => ops.convolve(x!, weight!, taps!),
  },
  softmax: { inputs: ({ B, S, F }) => [numbers(B * S, F).mul(30)], of: (_, [x]) => tf.softmax(x!) },
};

const withProducts = (geometry: Geometry): Record<string, Piece> => ({
  'product of whole numbers': {
    inputs: ({ B, S, D, F }) => [wholeNumbers(B * S, D), wholeNumbers(D, F)],
    of: (_, [x, w]) => tf.matMul(x!, w!),
    exact: true,
  },
  'product of whole numbers on top of a value': {
    inputs: ({ B, S, D, F }) => [wholeNumbers(B * S, D), wholeNumbers(F, D), wholeNumbers(B * S, F)],
    of: (_, [x, w, y]) => tf.add(y!, tf.matMul(x!, w!, false, true)),
    exact: true,
  },
  product: { inputs: ({ B, S, D, F }) => [numbers(B * S, D), numbers(D, F)], of: (_, [x, w]) => tf.matMul(x!, w!) },
  'product on top of a value': {
    inputs: ({ B, S, D, F }) => [numbers(B * S, D), numbers(F, D), numbers(B * S, F)],
    of: (_, [x, w, y]) => tf.add(y!, tf.matMul(x!, w!, false, true)),
  },
  // Weights that keep the size of their operand, as trained ones do: scores of a hundred would magnify every rounding.
  attention: {
    inputs: ({ B, S, D }) => [
      numbers(B * S, D),
      ...Array.from({ length: 4 }, () => numbers(D, D).mul(1.7 / Math.sqrt(D))),
      numbers(B * S, D),
    ],
    of: (ops, inputs, at) => {
      const [x, q, k, v, o, onto] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      return ops.selfAttention
        ? ops.selfAttention(x, [q, k, v, o], onto, { ...at, rotation: at.rotation! })
        : plainAttention(inputs, geometry, at);
    },
  },
  'feed-forward': {
    inputs: ({ B, S, D, F }) => [numbers(B * S, D), numbers(D, F), numbers(D, F), numbers(F, D), numbers(B * S, D)],
    of: (ops, inputs) => {
      const [x, gate, up, down, onto] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      return ops.feedForward
        ? ops.feedForward(x, [gate, up, down], onto)
        : tf.add(onto, tf.matMul(ops.swiglu(tf.matMul(x, gate), tf.matMul(x, up)), down));
    },
  },
});

/** The value, and the gradients of Σ value·weights. */
const whole = (piece: Piece, ops: Ops, geometry: Geometry, inputs: Record<string, tf.Tensor>): Record<string, tf.Tensor> => {
  const at = frame(config(geometry), {
    ids: tf.zeros([geometry.B, geometry.S], 'int32'),
    segments: inputs.segments!,
    causal: inputs.causal!,
  });
  const names = Object.keys(inputs).filter((name) => name.startsWith('x'));
  const f = (...tensors: tf.Tensor[]) => piece.of(ops, tensors, at);
  const tensors = names.map((name) => inputs[name]!);
  return {
    y: f(...tensors),
    ...Object.fromEntries(
      tf
        .grads(f)(tensors, inputs.dy!)
        .map((gradient, i) => [`d${names[i]}`, gradient]),
    ),
  };
};

/** The inputs of a piece, and what the plain operations make of them. */
interface Prepared {
  inputs: Record<string, tf.Tensor>;
  expected: (readonly [name: string, values: Float32Array])[];
}

async function prepare(piece: Piece, geometry: Geometry): Promise<Prepared> {
  await tf.setBackend('cpu');
  const { B, S } = geometry;
  const tensors = piece.inputs(geometry);
  const inputs: Record<string, tf.Tensor> = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  // Two segments in each row, and padding at the end of the last row.
  inputs.segments = tf.tensor(
    Int32Array.from({ length: B * S }, (_, i) =>
      Math.floor(i / S) === B - 1 && i % S > S - 3 ? 0 : i % S < 3 + Math.floor(i / S) ? 1 : 2,
    ),
    [B, S],
    'int32',
  );
  inputs.causal = tf.scalar(geometry.causal);
  inputs.dy = (piece.exact ? wholeNumbers : numbers)(
    ...piece.of(
      plain,
      tensors,
      frame(config(geometry), { ids: tf.zeros([B, S], 'int32'), segments: inputs.segments, causal: inputs.causal }),
    ).shape,
  );
  const expected = tf.tidy(() =>
    Object.entries(whole(piece, plain, geometry, inputs)).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())] as const),
  );
  return { inputs, expected };
}

/** Largest deviation of a piece from the plain operations, with the kernels. */
async function run(piece: Piece, geometry: Geometry, { inputs, expected }: Prepared, products?: ProductVariant): Promise<number> {
  const specs = Object.fromEntries(Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype as 'float32' }]));
  const graph = optimize(trace((given) => whole(piece, fusedOps(products), geometry, given), { inputs: specs }));
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-kernels-'));
  try {
    writeFileSync(
      join(folder, 'saved_model.pb'),
      toSavedModel({
        variables: {},
        signatures: { run: { graph } },
        ops: runtimeOps(products),
        bfloat16: products?.precision === 'bfloat16',
      }),
    );
    await tf.setBackend('tensorflow');
    const model = await native.node.loadSavedModel(folder, ['serve'], 'run');
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name }) => [name, tf.tensor(inputs[name]!.dataSync(), inputs[name]!.shape, inputs[name]!.dtype)]),
    );
    const results = model.predict(feeds) as Record<string, tf.Tensor>;
    let worst = 0;
    for (const [name, wanted] of expected) {
      const got = results[name]!.dataSync();
      const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
      if (got.length !== wanted.length) throw new Error(`${name}: expected ${wanted.length} numbers, got ${got.length}`);
      got.forEach((value, i) => (worst = Math.max(worst, Number.isFinite(value) ? Math.abs(value - wanted[i]!) / scale : Infinity)));
    }
    model.dispose();
    return worst;
  } finally {
    await tf.setBackend('cpu');
    rmSync(folder, { recursive: true, force: true });
  }
}

const geometries: Geometry[] = [
  { B: 1, S: 7, D: 6, H: 1, F: 5, causal: 0 },
  { B: 3, S: 33, D: 48, H: 4, F: 50, causal: 1 },
  { B: 2, S: 100, D: 96, H: 3, F: 401, causal: 0 },
  { B: 5, S: 64, D: 64, H: 2, F: 800, causal: 0 },
];

/** Largest deviation of weights and moments from TensorFlow's own operations after four updates, one of them with a gradient that is not a number. */
async function updates(size: number): Promise<number> {
  await tf.setBackend('cpu');
  const shape = [size];
  const graph = trace(({ g }) => ({ gradient: tf.mul(g!, 2) }), { inputs: { g: { shape, dtype: 'float32' } } });
  const variables = Object.fromEntries(['w', 'm', 'v'].map((name) => [name, { shape, dtype: 'float32' as const }]));
  const options = { slots: [{ variable: 'w', m: 'm', v: 'v', gradient: 'gradient', decay: true }], beta1: 0.9, beta2: 0.95 };
  const [weights, gradients] = [numbers(size), Array.from({ length: 4 }, (_, i) => (i === 2 ? tf.fill(shape, NaN) : numbers(size)))];
  const states: (readonly (readonly [string, ArrayLike<number>])[])[] = [];
  for (const op of [undefined, 'MdiffAdamw']) {
    const folder = mkdtempSync(join(tmpdir(), 'mdiff-kernels-'));
    try {
      writeFileSync(
        join(folder, 'saved_model.pb'),
        toSavedModel({ variables, signatures: { step: { graph, update: adamw({ ...options, ...(op && { op }) }) } } }),
      );
      await tf.setBackend('tensorflow');
      const [init, step, read] = [
        await native.node.loadSavedModel(folder, ['serve'], 'init'),
        await native.node.loadSavedModel(folder, ['serve'], 'step'),
        await native.node.loadSavedModel(folder, ['serve'], 'read'),
      ];
      const tensor = (from: tf.Tensor) => tf.tensor(from.dataSync(), from.shape);
      init.predict({ w: tensor(weights), m: tf.zeros(shape), v: tf.zeros(shape) });
      gradients.forEach((g, i) => {
        const scalars = {
          clip: 1,
          rate: 0.1 / (1 - 0.9 ** (i + 1)),
          root: 1 / Math.sqrt(1 - 0.95 ** (i + 1)),
          eps: 1e-8,
          keep: 0.99,
          ema: 0,
        };
        step.predict({
          g: tensor(g),
          ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [`adam.${name}`, tf.scalar(value)])),
        });
      });
      states.push(Object.entries(read.predict({}) as Record<string, tf.Tensor>).map(([name, value]) => [name, value.dataSync().slice()]));
      for (const model of [init, step, read]) model.dispose();
    } finally {
      await tf.setBackend('cpu');
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [theirs, ours] = states as [(typeof states)[0], (typeof states)[0]];
  return Math.max(
    ...theirs.flatMap(([name, wanted], at) => {
      if (ours[at]![0] !== name) throw new Error(`expected ${name}, got ${ours[at]![0]}`);
      return Array.from(wanted, (value, i) => (Number.isFinite(ours[at]![1][i]) ? Math.abs(ours[at]![1][i]! - value) : Infinity));
    }),
  );
}

let [passed, failed] = [0, 0];
for (const size of [5, 40_001]) {
  const worst = await updates(size);
  // Weights below 2, moments below 1: a rounding is 1e-7.
  if (worst < 1e-6) passed++;
  else {
    failed++;
    console.log(`FAILED AdamW of ${size}: deviates by ${worst.toExponential(1)}, more than 1e-6`);
  }
  if (process.argv.includes('--figures')) console.log(`AdamW of ${size}: ${worst.toExponential(1)}`);
}
const variants: readonly ProductVariant[] = kernels.variants;
for (const geometry of geometries) {
  const pieces = [
    ...Object.entries(withoutProducts).map(([name, piece]) => ({ name, piece, variants: [undefined] })),
    ...Object.entries(withProducts(geometry)).map(([name, piece]) => ({ name, piece, variants })),
  ];
  for (const { name, piece, variants: each } of pieces) {
    const prepared = await prepare(piece, geometry);
    for (const products of each) {
      const what = `${name}${products ? ` in ${products.precision} on ${products.label}` : ''} ${JSON.stringify(geometry)}`;
      const tolerance = piece.exact ? 0 : TOLERANCE[products?.precision ?? 'float32'];
      try {
        const worst = await run(piece, geometry, prepared, products);
        if (worst <= tolerance) passed++;
        else throw new Error(`deviates by ${worst.toExponential(1)}, more than ${tolerance}`);
        if (process.argv.includes('--figures')) console.log(`${what}: ${worst.toExponential(1)}`);
      } catch (error) {
        failed++;
        console.log(`FAILED ${what}: ${(error as Error).message}`);
      }
    }
  }
}
const names = (list: readonly ProductVariant[]): string => list.map(({ label }) => label).join(', ') || 'none';
console.log(`variants of products that were compared: ${names(variants)}`);
const absent = productVariants.filter((variant) => !variants.includes(variant));
if (absent.length > 0) console.log(`not compared, because this processor or the compiled kernels lack them: ${names(absent)}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
