// Parity of SavedModels in native TensorFlow with tfjs-cpu, and of AdamW with plain JavaScript.
//   MDIFF_TENSORFLOW=<folder of a built @tensorflow/tfjs-node> node --conditions=@mdiff/source --import tsx checks/native/savedmodel.mjs [name…]
// Names restrict it to checks that contain one. Prints `N passed, N failed`.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs';

const folder = process.env.MDIFF_TENSORFLOW;
if (!folder) {
  console.error('MDIFF_TENSORFLOW is not set: run "mdiff engine install tensorflow" and set it to the folder that the command prints');
  console.log('0 passed, 1 failed');
  process.exit(2);
}
// Products in full float32, even if the caller's environment asks for less.
process.env.ONEDNN_DEFAULT_FPMATH_MODE = 'STRICT';
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
// tfjs-node brings another copy of TensorFlow.js, which shares the engine and warns about every kernel that it replaces. Its CPU kernels
// do not know the buffers of our CPU backend (TensorScatterUpdate then loses its first input), so our kernels are registered again.
const reference = tf.getKernelsForBackend('cpu');
const { warn } = console;
console.warn = () => {};
const { node } = createRequire(join(folder, 'package.json'))(folder);
reference.forEach((kernel) => tf.registerKernel(kernel));
console.warn = warn;

const { CASES, TOLERANCE, example } = await import('../../packages/trace/src/cases.test.util.ts');
const { OPEN, OPEN_SIZES, openExample, openGraph } = await import('../../packages/trace/src/open.test.util.ts');
const { deviation, host, tensor, tidy } = await import('../../packages/trace/src/harness.test.util.ts');
const { optimize, toSavedModel, trace } = await import('../../packages/trace/src/index.ts');
const { adamw } = await import('@mdiff/engine');

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-tensorflow-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
let count = 0;
const loaded = [];

/** Runs signatures of a SavedModel in native TensorFlow: (signature, feeds) → results. */
async function load(options) {
  const modelFolder = join(scratch, String(count++));
  mkdirSync(modelFolder);
  writeFileSync(join(modelFolder, 'saved_model.pb'), toSavedModel(options));
  await tf.setBackend('tensorflow');
  const signatures = new Map();
  for (const name of [...Object.keys(options.signatures), 'init', 'read']) {
    const model = await node.loadSavedModel(modelFolder, ['serve'], name);
    signatures.set(name, model);
    loaded.push(model);
  }
  return (name, feeds = {}) => {
    void tf.setBackend('tensorflow');
    const results = tidy(() => {
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([key, value]) => [key, typeof value === 'number' ? tf.scalar(value) : tensor(value)]),
      );
      return Object.fromEntries(Object.entries(signatures.get(name).predict(inputs)).map(([key, value]) => [key, host(value)]));
    });
    void tf.setBackend('cpu');
    return results;
  };
}

/** Throws unless every expected result is there and within `tolerance`. */
function compare(results, expected, tolerance, what) {
  for (const [name, value] of Object.entries(expected)) {
    if (!results[name]) throw new Error(`${what}: no result '${name}'`);
    const worst = deviation(results[name], value);
    if (!(worst < tolerance)) throw new Error(`${what}: ${name} deviates by ${worst}, more than ${tolerance}`);
  }
}
const expectTrue = (condition, what) => {
  if (!condition) throw new Error(what);
};
const floats = (shape, of) => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i)),
});

const checks = new Map();
const DRAWS = 4;

for (const label of Object.keys(CASES)) {
  checks.set(`kernel ${label}`, async () => {
    const examples = Array.from({ length: DRAWS }, (_, i) => example(label, 20261123 + 7919 * i));
    const signatures = Object.fromEntries(
      examples.flatMap(({ graph }, i) => [
        [`traced${i}`, { graph }],
        [`optimized${i}`, { graph: optimize(graph) }],
      ]),
    );
    const run = await load({ variables: {}, signatures });
    examples.forEach(({ feeds, expected }, i) => {
      for (const way of ['traced', 'optimized']) compare(run(`${way}${i}`, feeds), expected, TOLERANCE, `draw ${i}, ${way}`);
    });
  });
}

for (const label of Object.keys(OPEN)) {
  checks.set(`symbolic ${label}`, async () => {
    const graph = openGraph(label);
    const run = await load({ variables: {}, signatures: { traced: { graph }, optimized: { graph: optimize(graph) } } });
    OPEN_SIZES.forEach((sizes, i) => {
      const { feeds, expected } = openExample(label, sizes, i);
      for (const way of ['traced', 'optimized']) compare(run(way, feeds), expected, TOLERANCE, `${JSON.stringify(sizes)}, ${way}`);
    });
  });
}

checks.set('bfloat16 rounds operands and results of products, and nothing else', async () => {
  const [m, k, n] = [5, 64, 7];
  const graph = trace(({ a, b }) => ({ product: tf.matMul(a, b, false, true), sum: tf.matMul(a, tf.ones([k, 1])), other: tf.exp(a) }), {
    inputs: { a: { shape: [m, k], dtype: 'float32' }, b: { shape: [n, k], dtype: 'float32' } },
  });
  const feeds = { a: floats([m, k], (i) => Math.sin(i)), b: floats([n, k], (i) => Math.cos(i * 1.7)) };
  const run = await load({ variables: {}, signatures: { f: { graph } }, bfloat16: true });
  const results = run('f', feeds);
  let differs = false;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let [exact, size] = [0, 0];
      for (let l = 0; l < k; l++) {
        const term = feeds.a.data[i * k + l] * feeds.b.data[j * k + l];
        exact += term;
        size += Math.abs(term);
      }
      const error = Math.abs(results.product.data[i * n + j] - exact);
      differs ||= error > 1e-5 * size;
      // The unit roundoff of bfloat16 is 2⁻⁹: once for either operand, once for the result.
      expectTrue(error <= 3 * 2 ** -9 * size, `product ${i}, ${j} is off by ${error} of ${size}`);
    }
  }
  expectTrue(differs, 'nothing was rounded');
  compare(
    results,
    tidy(() => ({ sum: host(tf.sum(tensor(feeds.a), 1, true)), other: host(tf.exp(tensor(feeds.a))) })),
    TOLERANCE,
    'float32',
  );
});

checks.set('variables are shared by signatures, updated after they are read, and not the memory they were fed from', async () => {
  const w = tf.variable(tf.zeros([4, 3]), true);
  const graph = trace(
    ({ x }) => {
      const old = tf.mul(w, 1);
      w.assign(tf.add(w, x));
      return { old, next: w };
    },
    { inputs: { x: { shape: [4, 3], dtype: 'float32' } }, variables: { w } },
  );
  const look = trace(() => ({ twice: tf.mul(w, 2) }), { inputs: {}, variables: { w } });
  w.dispose();
  const shape = [4, 3];
  const run = await load({
    variables: { w: { shape, dtype: 'float32' } },
    signatures: { step: { graph }, look: { graph: look }, quiet: { graph: { ...graph, outputs: [] } } },
  });
  const start = floats(shape, (i) => i);
  run('init', { w: start });
  const x = floats(shape, () => 1);
  const plus = (k) => floats(shape, (i) => i + k);
  compare(run('step', { x }), { old: plus(0), next: plus(1) }, 1e-9, 'first step');
  compare(run('quiet', { x }), { done: floats([], () => 1) }, 1e-9, 'without outputs');
  compare(run('look'), { twice: floats(shape, (i) => 2 * (i + 2)) }, 1e-9, 'another signature');
  compare(run('read'), { w: plus(2) }, 1e-9, 'read');
  expectTrue(
    start.data.every((value, i) => value === i),
    'the fed array changed',
  );
  let message = '';
  try {
    run('step', { x: floats([3, 4], () => 1) });
  } catch (error) {
    message = error.message;
  }
  expectTrue(/node step\//.test(message), `a wrong shape is refused with the name of a node, got: ${message}`);
});

checks.set('flat vectors are split and joined', async () => {
  const outputs = ['b', 'a', 'c'];
  const graph = trace(
    ({ all }) => {
      const [a, b, c] = tf.split(all, [6, 4, 1]);
      return { a: tf.reshape(a, [2, 3]), b: tf.reshape(b, [4]), c: tf.reshape(c, []), twice: tf.mul(b, 2) };
    },
    { inputs: { all: { shape: [11], dtype: 'float32' } } },
  );
  const run = await load({ variables: {}, signatures: { f: { graph: optimize(graph), flat: { name: 'flat', outputs } } } });
  const results = run('f', { all: floats([11], (i) => i) });
  expectTrue(Object.keys(results).sort().join() === 'flat,twice', `outputs are ${Object.keys(results).join()}`);
  compare(
    results,
    { flat: floats([11], (i) => [6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 10][i]), twice: floats([4], (i) => 2 * (i + 6)) },
    1e-9,
    'flat',
  );
});

/** AdamW in float64, as in @mdiff/model's adamwFlat; state is changed in place. */
function adamwReference(state, gradients, { clip, rate, root, eps, keep, average }, { beta1, beta2 }, slots) {
  const norm = Math.sqrt(gradients.reduce((total, gradient) => total + gradient.data.reduce((sum, g) => sum + g * g, 0), 0));
  if (!Number.isFinite(norm)) return norm;
  const scale = clip > 0 && norm > clip ? clip / norm : 1;
  slots.forEach(({ variable, m, v, decay, ema }, k) => {
    gradients[k].data.forEach((gradient, i) => {
      const g = gradient * scale;
      state[m][i] = beta1 * state[m][i] + (1 - beta1) * g;
      state[v][i] = beta2 * state[v][i] + (1 - beta2) * g * g;
      state[variable][i] = (decay ? keep : 1) * state[variable][i] - (rate * state[m][i]) / (Math.sqrt(state[v][i]) * root + eps);
      if (ema && average > 0) state[ema][i] = average * state[ema][i] + (1 - average) * state[variable][i];
    });
  });
  return norm;
}

const SHAPES = { a: [64, 33], b: [7], c: [] };
const SLOTS = Object.keys(SHAPES).map((variable) => ({
  variable,
  m: `m.${variable}`,
  v: `v.${variable}`,
  gradient: `g.${variable}`,
  decay: variable === 'a',
  ...(variable === 'b' ? {} : { ema: `e.${variable}` }),
}));
const HYPER = { beta1: 0.9, beta2: 0.95 };

/** A SavedModel whose gradients are x · p + y, so that they depend on the parameters as they were before the step. */
async function adam() {
  const variables = {};
  const parameters = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    for (const key of [name, `m.${name}`, `v.${name}`, ...(name === 'b' ? [] : [`e.${name}`])])
      variables[key] = { shape, dtype: 'float32' };
    parameters[name] = tf.variable(tf.zeros(shape), true);
  }
  const graph = trace(
    (inputs) => ({
      ...Object.fromEntries(
        Object.keys(SHAPES).map((name) => [`g.${name}`, tf.add(tf.mul(inputs.x, parameters[name]), inputs[`y.${name}`])]),
      ),
      before: tf.sum(parameters.a),
    }),
    {
      inputs: {
        x: { shape: [], dtype: 'float32' },
        ...Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [`y.${name}`, { shape, dtype: 'float32' }])),
      },
      variables: parameters,
    },
  );
  tf.dispose(Object.values(parameters));
  const run = await load({ variables, signatures: { step: { graph, update: adamw({ slots: SLOTS, ...HYPER }) } } });
  const initial = Object.fromEntries(
    Object.entries(variables).map(([name, { shape }]) => [
      name,
      floats(shape, (i) => (/^[mv]\./.test(name) ? 0 : Math.sin(i + name.length))),
    ]),
  );
  run('init', initial);
  const state = Object.fromEntries(Object.entries(initial).map(([name, { data }]) => [name, Float64Array.from(data)]));
  const feeds = (step) => ({
    x: floats([], () => 0.3),
    ...Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [`y.${name}`, floats(shape, (i) => Math.cos(i * 0.7 + step))])),
  });
  const scalars = (step, more = {}) => ({
    clip: 0.5,
    rate: 0.01 / (1 - 0.9 ** step),
    root: 1 / Math.sqrt(1 - 0.95 ** step),
    eps: 1e-8,
    keep: 0.999,
    average: 0.9,
    ...more,
  });
  const named = ({ average, ...rest }) =>
    Object.fromEntries(Object.entries({ ...rest, ema: average }).map(([key, value]) => [`adam.${key}`, value]));
  const gradients = (fed) =>
    Object.entries(SHAPES).map(([name, shape]) =>
      floats(shape, (i) => Math.fround(Math.fround(fed.x.data[0] * state[name][i]) + fed[`y.${name}`].data[i])),
    );
  const take = (step, { scalars: more, poison } = {}) => {
    const fed = feeds(step);
    poison?.(fed);
    const values = scalars(step, more);
    const before = state.a.reduce((a, b) => a + b, 0);
    const norm = adamwReference(state, gradients(fed), values, HYPER, SLOTS);
    const results = run('step', { ...fed, ...named(values) });
    compare(results, { before: floats([], () => before) }, 1e-4, `step ${step}: a sum of the old weights`);
    compare(results, { grad_norm: floats([], () => norm) }, 1e-5, `step ${step}`);
    expectTrue(Object.keys(results).length === 2, `outputs are ${Object.keys(results).join()}`);
  };
  const expected = () =>
    Object.fromEntries(Object.entries(variables).map(([name, { shape }]) => [name, floats(shape, (i) => state[name][i])]));
  return { run, take, expected };
}

// Float32 against float64; ten steps of Adam amplify a rounding of 6e-8 by the 1/√v of small gradients.
const ADAM = 2e-5;

checks.set('AdamW with clipping, decay and average equals plain JavaScript over ten steps', async () => {
  const { run, take, expected } = await adam();
  for (let step = 1; step <= 10; step++) take(step);
  compare(run('read'), expected(), ADAM, 'state');
});

checks.set('AdamW without clipping and with the average off leaves the average alone', async () => {
  const { run, take, expected } = await adam();
  const before = run('read');
  for (let step = 1; step <= 10; step++) take(step, { scalars: { clip: 0, average: 0 } });
  const after = run('read');
  compare(after, expected(), ADAM, 'state');
  compare(after, { 'e.a': before['e.a'], 'e.c': before['e.c'] }, 1e-30, 'the average');
});

for (const [what, value] of [
  ['NaN', NaN],
  ['infinite', Infinity],
  ['negative infinite', -Infinity],
]) {
  checks.set(`AdamW changes nothing for a gradient that is ${what}`, async () => {
    const { run, take, expected } = await adam();
    for (let step = 1; step <= 3; step++) take(step);
    const before = run('read');
    for (const scalars of [{}, { clip: 0 }, { eps: 0 }]) take(4, { scalars, poison: (fed) => (fed['y.a'].data[17] = value) });
    const after = run('read');
    for (const [name, { data }] of Object.entries(before))
      expectTrue(
        data.every((number, i) => Object.is(number, after[name].data[i])),
        `${name} changed`,
      );
    for (let step = 4; step <= 6; step++) take(step);
    compare(run('read'), expected(), ADAM, 'state after it');
  });
}

checks.set('AdamW waits for the gradients of large matrices', async () => {
  const [n, rounds] = [256, 20];
  const shape = [n, n];
  const w = tf.variable(tf.zeros(shape), true);
  const graph = trace(
    ({ x }) => {
      const { value, grad } = tf.valueAndGrad((weights) =>
        tf.mean(tf.square(tf.sub(tf.matMul(tf.tanh(tf.matMul(x, weights)), weights), x))),
      )(w);
      return { loss: value, gradient: grad };
    },
    { inputs: { x: { shape, dtype: 'float32' } }, variables: { w } },
  );
  w.dispose();
  const spec = { shape, dtype: 'float32' };
  const update = adamw({ slots: [{ variable: 'w', m: 'm', v: 'v', gradient: 'gradient', decay: true }], ...HYPER });
  const run = await load({ variables: { w: spec, m: spec, v: spec }, signatures: { step: { graph, update }, look: { graph } } });
  const zero = floats(shape, () => 0);
  const x = floats(shape, (i) => Math.sin(i * 1.3));
  run('init', { w: floats(shape, (i) => 0.05 * Math.cos(i * 0.37)), m: zero, v: zero });
  for (let step = 1; step <= rounds; step++) {
    // A signature without an update computes the same at the same weights; an update that ran too early would make the two differ.
    const alone = run('look', { x });
    const scalars = {
      'adam.clip': 0,
      'adam.rate': 0.01 / (1 - 0.9 ** step),
      'adam.root': 1 / Math.sqrt(1 - 0.95 ** step),
      'adam.eps': 1e-8,
      'adam.keep': 0.5,
      'adam.ema': 0,
    };
    const results = run('step', { x, ...scalars });
    const norm = Math.sqrt(alone.gradient.data.reduce((sum, g) => sum + g * g, 0));
    compare(results, { loss: alone.loss, grad_norm: floats([], () => norm) }, 1e-6, `step ${step}`);
  }
});

checks.set('AdamW, which works in place, leaves the memory alone that variables were fed from', async () => {
  const shape = [1 << 16];
  const spec = { shape, dtype: 'float32' };
  // TensorFlow takes over arrays that lie on multiples of 64 bytes; allocations lie on multiples of 16.
  const names = ['a', 'b', 'c', 'd'];
  const start = Object.fromEntries(
    names.map((name, i) => [name, { ...spec, data: new Float32Array(shape[0] + 16).fill(1).subarray(4 * i, 4 * i + shape[0]) }]),
  );
  const zeros = Object.fromEntries(names.flatMap((name) => [`m.${name}`, `v.${name}`]).map((name) => [name, floats(shape, () => 0)]));
  const graph = trace(({ g }) => Object.fromEntries(names.map((name) => [`g.${name}`, tf.mul(g, 1)])), { inputs: { g: spec } });
  const update = adamw({
    slots: names.map((name) => ({ variable: name, m: `m.${name}`, v: `v.${name}`, gradient: `g.${name}`, decay: false })),
    ...HYPER,
  });
  const variables = Object.fromEntries([...Object.keys(start), ...Object.keys(zeros)].map((name) => [name, spec]));
  const run = await load({ variables, signatures: { step: { graph, update } } });
  run('init', { ...start, ...zeros });
  run('step', { g: floats(shape, () => 1), 'adam.clip': 0, 'adam.rate': 1, 'adam.root': 1, 'adam.eps': 0, 'adam.keep': 1, 'adam.ema': 0 });
  const after = run('read');
  for (const name of names) {
    expectTrue(
      after[name].data.every((value) => value < 1),
      `${name} did not move`,
    );
    expectTrue(
      start[name].data.every((value) => value === 1),
      `the array that ${name} was fed from changed`,
    );
  }
});

const wanted = process.argv.slice(2);
let passed = 0;
let failed = 0;
await tf.setBackend('cpu');
for (const [name, check] of checks) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
  try {
    await tf.setBackend('cpu');
    await check();
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}\n  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  for (const model of loaded.splice(0)) model.dispose();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
