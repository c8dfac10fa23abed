// Tokens a second of a denoising step: `generate` and the server beside PyTorch and ONNX Runtime in Python, the same weights, canvases and sampler.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel } from '@mdiff/generate';
import { root } from '../../tools/workspace.mjs';
import { compilePackages } from '../shared/compile.mjs';
import { processorTime } from '../shared/cputime.mjs';
import { median } from '../shared/median.ts';
import { failure, list, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { findPython } from '../shared/python.ts';
import { fixed, writeResult, writeTo } from '../shared/results.mjs';
import { startChild } from '../train/children.ts';
import { bothGraphs } from './folder.ts';
import { LENGTH, inputsFor } from './inputs.ts';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ours = (name, way, precision) => ({ name, ours: true, way, precision, int8: precision === 'int8' });
const peer = (name, ...args) => ({ name, ours: false, args, int8: args[0] === 'int8', bf16: args[1] === 'bf16' });
const contenders = [
  ours('generate', 'generate', 'float32'),
  ours('generate_int8', 'generate', 'int8'),
  ours('serve', 'serve', 'float32'),
  ours('serve_int8', 'serve', 'int8'),
  peer('onnxruntime_python', 'onnxruntime'),
  peer('onnxruntime_python_int8', 'int8'),
  peer('torch_eager', 'eager'),
  peer('torch_compile', 'compile'),
  peer('torch_eager_bf16', 'eager', 'bf16'),
  peer('torch_compile_bf16', 'compile', 'bf16'),
];
const everyName = contenders.map(({ name }) => name);
const REFERENCE = 'onnxruntime_python';

const options = optionsOf({
  name: 'infer',
  about: 'Tokens a second of a denoising step: generate and the server beside PyTorch and ONNX Runtime in Python.',
  options: {
    model: { kind: text('name'), default: 'base-en', help: 'a model folder or an installed model; its graphs are written anew' },
    batches: { kind: list(whole(1, 32)), default: '1,8,32', help: 'texts at a time; for the server, clients' },
    engines: { kind: list(oneOf(everyName)), help: 'by name (default: all)' },
    rounds: { kind: whole(1, 100), default: 4, help: 'turns of each' },
    threads: { kind: whole(0, 1024), default: 0, help: 'threads of each; 0 takes all' },
    python: { kind: text('path'), help: 'a Python that has the peers (default: bench/infer/peers/.venv, made once)' },
    out: { kind: text('file'), help: 'write the figures there instead of bench/results/' },
  },
});
const threads = options.threads || availableParallelism();
const names = options.engines ?? everyName;
const field = contenders.filter(({ name }) => names.includes(name) || name === REFERENCE);
/** float32 rounds by 2⁻²⁴; bfloat16 by 2⁻⁸, of logarithms of sums of about 10. The mean for the graph in 8 bits differs by what its rounding costs. */
const TOLERANCE = { fp32: 1e-4, bf16: 2e-2, int8: 2e-2 };

const peers = findPython(options.python, { folder: 'infer/peers', what: 'PyTorch and ONNX Runtime' });
if (peers.missing) throw failure(peers.missing);
const compiled = compilePackages();
if (!compiled) console.log('tsc -b bench found errors: mdiff runs from its sources');
const sources = fileURLToPath(new URL('./ours.ts', import.meta.url));
const script = compiled ? [here('../dist/infer/ours.js')] : [...process.execArgv, sources];

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-bench-'));
const folder = join(scratch, 'model');
const alive = new Set();
const clean = () => {
  for (const one of alive) one.close();
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    clean();
    process.exit(130);
  });

/** The server as one more child: a text is a request of each client at once. */
async function startServer({ name, precision }, { batch, prompt, sampling }) {
  const args = [join(root, 'apps/mdiff/bin/mdiff.js'), 'serve', folder, '--port', '0', '--json', '--threads', String(threads)];
  args.push('--precision', precision, '--running', String(batch), '--waiting', '32', '--set', 'generation.word_guard=0');
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(compiled && { MDIFF_BUILT: '1' }) },
  });
  const url = await new Promise((resolve, reject) => {
    let line = '';
    child.stdout.on('data', (data) => (line += data).includes('\n') && resolve(JSON.parse(line).url));
    child.once('exit', (code) => reject(failure(`mdiff serve ended with ${code}`)));
  });
  const { numSteps, maxTokens, minTokens } = sampling;
  const body = { prompt, max_tokens: maxTokens, min_tokens: minTokens, num_steps: numSteps, sampler: sampling.sampler, temperature: 1 };
  const request = async (seed) => {
    const answer = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, top_p: 1, block_length: null, seed }),
    });
    if (!answer.ok) throw failure(`mdiff serve answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  return {
    name,
    pid: child.pid,
    ask: async ({ texts = 0 }) => {
      const ms = [];
      for (let i = 0; i < texts; i++) {
        const begun = performance.now();
        await Promise.all(Array.from({ length: batch }, (_, client) => request(1000 * i + client)));
        ms.push(performance.now() - begun);
      }
      return { ms, losses: [] };
    },
    close: () => child.kill('SIGTERM'),
  };
}

function start(one, inputs, file) {
  if (one.way === 'serve') return startServer(one, inputs);
  const env = { ORT_DISABLE_TELEMETRY: '1', PYTHONDONTWRITEBYTECODE: '1' };
  return one.ours
    ? startChild(one.name, process.execPath, [...script, folder, file, one.precision], env)
    : startChild(one.name, peers.python, [here('./peers/infer_peer.py'), folder, file, ...one.args], env);
}

const rows = [];
const counts = { passed: 0, failed: 0 };

async function measureBatch(batch, model) {
  const inputs = inputsFor(model, batch, threads);
  const file = join(scratch, `inputs-${batch}.json`);
  writeFileSync(file, JSON.stringify(inputs));
  const { numSteps } = inputs.sampling;
  console.log(`\n${batch} text${batch === 1 ? '' : 's'} of ${LENGTH} tokens, ${numSteps} steps, ${threads} threads`);
  const running = [];
  let expected;
  for (const one of [contenders.find(({ name }) => name === REFERENCE), ...field.filter(({ name }) => name !== REFERENCE)]) {
    const child = await start(one, inputs, file);
    alive.add(child);
    const { losses } = await child.ask({ check: true });
    expected ??= losses[0];
    const error = losses.length > 0 ? Math.abs(losses[0] / expected - 1) : undefined;
    const agrees = error === undefined || error <= TOLERANCE[one.int8 ? 'int8' : one.bf16 ? 'bf16' : 'fp32'];
    counts[agrees ? 'passed' : 'failed']++;
    await child.ask({ texts: 2 }); // compiles, warms up
    console.log(
      `  ${one.name}: ${error === undefined ? 'ready' : `log-sums ${error.toExponential(1)} from ${REFERENCE}`}${agrees ? '' : ': NOT the same'}`,
    );
    if (agrees) running.push({ ...one, child, ms: [], cpu: [] });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const one = running[(i + round) % running.length];
      await one.child.ask({ texts: 1 }); // finds cold caches
      const before = processorTime(one.child.pid);
      const { ms } = await one.child.ask({ texts: Math.max(1, Math.round(8 / batch)) });
      one.ms.push(median(ms) / numSteps);
      one.cpu.push((processorTime(one.child.pid) - before) / ms.length / numSteps);
    }
  }
  for (const { child } of running) {
    child.close();
    alive.delete(child);
  }
  report(batch, running);
}

/** Ratios are medians of the ratios within a round, to the quickest peer of that kind. */
function report(batch, running) {
  const speed = (one) => (1000 * batch * LENGTH) / median(one.ms);
  const best = (some) => some.toSorted((a, b) => speed(b) - speed(a))[0];
  const peersOf = (kind) => best(running.filter((one) => !one.ours && kind(one)));
  const exact = peersOf((one) => !one.int8 && !one.bf16);
  const any = peersOf(() => true);
  const ratio = (one, other, what) => other && fixed(median(one[what].map((_, i) => other[what][i] / one[what][i])), 2);
  console.log(`\n  ${'engine'.padEnd(24)} tokens/s  ms a step  ms of the processor  × ${exact.name}  × ${any.name}`);
  for (const one of running.toSorted((a, b) => speed(b) - speed(a))) {
    const row = {
      batch,
      engine: one.name,
      tokens_per_s: Math.round(speed(one)),
      step_ms: fixed(median(one.ms), 2),
      processor_ms: fixed(median(one.cpu), 2),
      ratio_to_best_fp32: ratio(one, exact, 'ms'),
      ratio_to_best: ratio(one, any, 'ms'),
      processor_ratio_to_best_fp32: ratio(one, exact, 'cpu'),
    };
    rows.push(row);
    console.log(
      `  ${one.name.padEnd(24)} ${String(row.tokens_per_s).padStart(8)}  ${row.step_ms.toFixed(1).padStart(9)}  ${row.processor_ms.toFixed(1).padStart(19)}  ${row.ratio_to_best_fp32.toFixed(2).padStart(exact.name.length + 2)}  ${row.ratio_to_best.toFixed(2).padStart(any.name.length + 2)}`,
    );
  }
}

try {
  await bothGraphs(options.model, folder);
  const model = await loadModel(folder, { threads: 1 });
  for (const batch of options.batches) await measureBatch(batch, model);
  await model.close();
} finally {
  clean();
}
const machine = { cpu: cpus()[0]?.model ?? process.arch, threads, load: loadavg()[0], node: process.version };
if (machine.load > threads + 1)
  console.log(`\nthe load average is ${machine.load.toFixed(1)}: something else is running, so processor time counts`);
const result = { machine, date: new Date().toISOString(), rows };
if (options.out) writeTo(options.out, result);
else if (names.length === everyName.length) writeResult('infer', result);
process.exitCode = counts.failed > 0 ? 1 : 0;
