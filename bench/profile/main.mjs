// ONNX Runtime's own profile of a training step, summed by operator and by shape.
// As the engine runs it: each thread has a session of its own and its part of the 16 rows; one of these parts is profiled.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import * as tf from '@tensorflow/tfjs';
import { stream } from '@mdiff/diffusion';
import { initParams, layout } from '@mdiff/model';
import { onnxPass } from '@mdiff/engine/compute';
import { median } from '../shared/median.ts';
import { number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { sizes } from '../train/sizes.ts';

const options = optionsOf({
  name: 'profile',
  about: 'The time of a training step in ONNX Runtime, by operator and by shape, each node at its quickest run.',
  options: {
    size: { kind: oneOf(Object.keys(sizes)), default: 'micro', help: 'the network' },
    rows: { kind: whole(1), default: 8, help: 'rows of the batch' },
    threads: { kind: whole(1), default: 1, help: 'threads of the session' },
    steps: { kind: whole(1), default: 10, help: 'steps that are profiled' },
    masked: { kind: number(0.01, 1), default: 0.5, help: 'share of masked tokens' },
    top: { kind: whole(1), default: 40, help: 'shapes that are listed' },
    model: { kind: text('file.onnx'), help: 'profile this graph instead' },
  },
});
const model = sizes[options.size];

const since = performance.now();
tf.enableProdMode();
await tf.setBackend('cpu');
const B = options.rows;
const bytes = options.model
  ? readFileSync(options.model)
  : onnxPass({ model, labelSmoothing: 0 }, layout(model))({ kind: 'train', B, S: 128, masks: {} });
const traced = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'mdiff-profile-'));
try {
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const loaded = performance.now();
  const feeds = Object.fromEntries(
    Object.entries(stepFeeds(model, { B, masked: options.masked }))
      .filter(([name]) => session.inputNames.includes(name))
      .map(([name, { type, data, shape }]) => [name, new ort.Tensor(type, data, shape)]),
  );
  const times = [];
  for (let i = 0; i < options.steps + 2; i++) {
    const begun = performance.now();
    await session.run(feeds);
    times.push(performance.now() - begun);
  }
  session.endProfiling();
  const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
  report(events, median(times.slice(2)));
  console.log(
    `\ntrace, optimise, lower ${(traced - since).toFixed(0)} ms; session ${(loaded - traced).toFixed(0)} ms; first step ${times[0].toFixed(0)} ms`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

/** Floating-point operations of a matrix product and bytes moved by anything else. */
function work(op, inputs, outputs) {
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  if (/MatMul|Gemm/.test(op)) {
    // [.., i, k] × [.., k, j]: output elements times k, whichever operand is transposed; a constant [k, j] that was packed beforehand is not listed
    const [a, b] = inputs;
    const [out] = outputs;
    const k = b === undefined ? a.at(-1) : Math.sqrt((size(a.slice(-2)) * size(b.slice(-2))) / size(out.slice(-2)));
    return { flops: 2 * size(out) * k };
  }
  return { bytes: 4 * [...inputs, ...outputs].reduce((sum, shape) => sum + size(shape), 0) };
}

function report(events, middle) {
  const runs = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts);
  const from = runs[2].ts; // the first two allocate and warm up
  const nodes = new Map();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < from) continue;
    const best = nodes.get(name);
    // The quickest run of each node: other work on the machine disturbs it least.
    if (!best || dur < best.dur) nodes.set(name, { dur, args });
  }
  const byOp = new Map();
  const byShape = new Map();
  let total = 0;
  for (const { dur, args } of nodes.values()) {
    const [inputs, outputs] = [args.input_type_shape, args.output_type_shape].map((list) => list.map((entry) => Object.values(entry)[0]));
    const done = work(args.op_name, inputs, outputs);
    const key = `${args.op_name} ${inputs
      .slice(0, 3)
      .map((shape) => `[${shape}]`)
      .join(' ')} → [${outputs[0]}]`;
    for (const [map, at] of [
      [byOp, args.op_name],
      [byShape, key],
    ]) {
      const row = map.get(at) ?? { calls: 0, us: 0, flops: 0, bytes: 0 };
      row.calls++;
      row.us += dur;
      row.flops += done.flops ?? 0;
      row.bytes += done.bytes ?? 0;
      map.set(at, row);
    }
    total += dur;
  }
  console.log(
    `${options.model ?? options.size}, ${options.rows} rows of 128, ${options.threads} thread${options.threads === 1 ? '' : 's'}: ${(total / 1000).toFixed(1)} ms a step in operators, each at its quickest of ${runs.length - 2} runs; ${middle.toFixed(1)} ms median of run()\n`,
  );
  for (const [title, map, top] of [
    ['operator', byOp, 100],
    ['shapes', byShape, options.top],
  ]) {
    console.log(`    ms   share  calls   rate       ${title}`);
    const rows = [...map].sort(([, a], [, b]) => b.us - a.us).slice(0, top);
    for (const [key, { calls, us, flops, bytes }] of rows) {
      const rate = flops > 0 ? `${(flops / us / 1000).toFixed(0)} GF/s` : `${(bytes / us / 1000).toFixed(1)} GB/s`;
      console.log(
        `${(us / 1000).toFixed(2).padStart(7)} ${((us / total) * 100).toFixed(1).padStart(6)} % ${String(calls).padStart(5)}   ${rate.padEnd(10)} ${key}`,
      );
    }
    console.log('');
  }
}

/** Feeds by input name: each row holds two units, and `masked` of the positions, at random, are evaluated. */
function stepFeeds(model, { B = 16, S = 128, masked = 0.5, seed = 1 } = {}) {
  const N = B * S;
  const rng = stream(seed, 'bench');
  const below = (n) => Math.floor(rng.next() * n);
  const { params } = layout(model);
  const flat = initParams(model, seed);
  const cut = Math.floor(S * 0.6);
  const hidden = Array.from({ length: N }, (_, i) => i).filter(() => rng.next() < masked);
  const ids = Int32Array.from({ length: N }, () => 5 + below(model.vocab_size - 5));
  const targets = Int32Array.from(hidden, (at) => ids[at]);
  for (const at of hidden) ids[at] = 0;
  const int = (data, ...shape) => ({ type: 'int32', data, shape });
  return {
    ids: int(ids, B, S),
    segments: int(
      Int32Array.from({ length: N }, (_, i) => (i % S < cut ? 1 : 2)),
      B,
      S,
    ),
    positions: int(
      Int32Array.from({ length: N }, (_, i) => (i % S < cut ? i % S : (i % S) - cut)),
      B,
      S,
    ),
    causal: { type: 'float32', data: Float32Array.of(0), shape: [] },
    rows: int(Int32Array.from(hidden), hidden.length),
    targets: int(targets, hidden.length),
    weights: { type: 'float32', data: new Float32Array(hidden.length).fill(1 / hidden.length), shape: [hidden.length] },
    ...Object.fromEntries(
      params.map(({ name, offset, size, shape }) => [name, { type: 'float32', data: flat.slice(offset, offset + size), shape }]),
    ),
  };
}
