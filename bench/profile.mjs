// Where a training step's time goes in ONNX Runtime: its own profile, summed by operator and by shape.
// npm run bench -- profile [--size micro] [--threads 2] [--steps 10] [--masked 0.5] [--top 40] [--model step.onnx: profile this graph instead]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { toOnnx } from '@mdiff/trace';
import { models, stepFeeds, stepGraph } from './shapes.mjs';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'micro' },
    threads: { type: 'string', default: String(availableParallelism()) },
    steps: { type: 'string', default: '10' },
    masked: { type: 'string', default: '0.5' },
    top: { type: 'string', default: '40' },
    model: { type: 'string' },
  },
});
const model = models[options.size];
const steps = Number(options.steps);
if (!model || !(steps >= 1)) {
  console.error(`--size ${options.size} --steps ${options.steps}: expected a size of ${Object.keys(models).join(', ')} and at least one step`);
  process.exit(2);
}

const since = performance.now();
const bytes = options.model ? readFileSync(options.model) : toOnnx(await stepGraph(model), { contrib: true });
const traced = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'mdiff-profile-'));
try {
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: Number(options.threads),
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const loaded = performance.now();
  const feeds = Object.fromEntries(Object.entries(stepFeeds(model, { masked: Number(options.masked) })).filter(([name]) => session.inputNames.includes(name))
    .map(([name, { type, data, shape }]) => [name, new ort.Tensor(type, data, shape)]));
  const times = [];
  for (let i = 0; i < steps + 2; i++) {
    const begun = performance.now();
    await session.run(feeds);
    times.push(performance.now() - begun);
  }
  session.endProfiling();
  const { readdirSync } = await import('node:fs');
  const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
  report(events, times.slice(2).sort((a, b) => a - b)[steps >> 1]);
  console.log(`\ntrace, optimise, lower ${(traced - since).toFixed(0)} ms; session ${(loaded - traced).toFixed(0)} ms; first step ${times[0].toFixed(0)} ms`);
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

function report(events, median) {
  const runs = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts);
  const from = runs[2].ts; // the first two allocate and warm up
  const nodes = new Map();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < from) continue;
    const best = nodes.get(name);
    // The quickest run of each node: what else the machine was doing counts least.
    if (!best || dur < best.dur) nodes.set(name, { dur, args });
  }
  const byOp = new Map();
  const byShape = new Map();
  let total = 0;
  for (const { dur, args } of nodes.values()) {
    const [inputs, outputs] = [args.input_type_shape, args.output_type_shape].map((list) => list.map((entry) => Object.values(entry)[0]));
    const done = work(args.op_name, inputs, outputs);
    const key = `${args.op_name} ${inputs.slice(0, 3).map((shape) => `[${shape}]`).join(' ')} → [${outputs[0]}]`;
    for (const [map, at] of [[byOp, args.op_name], [byShape, key]]) {
      const row = map.get(at) ?? { calls: 0, us: 0, flops: 0, bytes: 0 };
      row.calls++;
      row.us += dur;
      row.flops += done.flops ?? 0;
      row.bytes += done.bytes ?? 0;
      map.set(at, row);
    }
    total += dur;
  }
  console.log(`${options.model ?? options.size}, ${options.threads} threads: ${(total / 1000).toFixed(1)} ms a step in operators, each at its quickest of ${runs.length - 2} runs; ${median.toFixed(1)} ms median of run()\n`);
  for (const [title, map, top] of [['operator', byOp, 100], ['shapes', byShape, Number(options.top)]]) {
    console.log(`    ms   share  calls   rate       ${title}`);
    const rows = [...map].sort(([, a], [, b]) => b.us - a.us).slice(0, top);
    for (const [key, { calls, us, flops, bytes }] of rows) {
      const rate = flops > 0 ? `${(flops / us / 1000).toFixed(0)} GF/s` : `${(bytes / us / 1000).toFixed(1)} GB/s`;
      console.log(`${(us / 1000).toFixed(2).padStart(7)} ${((us / total) * 100).toFixed(1).padStart(6)} % ${String(calls).padStart(5)}   ${rate.padEnd(10)} ${key}`);
    }
    console.log('');
  }
}
