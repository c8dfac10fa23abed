// Training steps per second: our engines beside PyTorch and JAX, the same model, weights, batch and update, checked to have the same loss.
// npm run bench -- train [--quick] [--sizes nano,micro,m10,m25] [--engines onnxruntime,…] [--rounds 4] [--seconds 1.2] [--threads 0]
//                        [--python PATH] [--check: compare losses only] [--out FILE: where a partial run leaves its figures]
// MDIFF_TENSORFLOW names a built tfjs-node where "mdiff engine install tensorflow" was not run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProjectConfig } from '@mdiff/config';
import { layout } from '@mdiff/model';
import { launcherEnvironment, locateTensorFlow } from '@mdiff/train';
import { bars } from './chart.mjs';
import { findPython, librariesOf } from './python.ts';
import { startChild } from './train/children.ts';
import { commandOf, contenders, quick } from './train/engines.ts';
import { writeInputs } from './train/inputs.ts';
import { TOKENS, flopsOf, sizes } from './train/sizes.ts';
import { lossError, median, rowsOf, tableOf } from './train/summary.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    engines: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '1.2' },
    threads: { type: 'string', default: '0' },
    python: { type: 'string' },
    check: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const fail = (message, code = 'MDIFF_USAGE', exitCode = 2) => { throw Object.assign(new Error(message), { code, exitCode }); };
const listed = (option, given, from) => {
  const names = given.split(',');
  for (const name of names) if (!from.includes(name)) fail(`--${option}: expected names out of ${from.join(', ')}, got "${name}"`);
  return names;
};
const number = (option, value, low, high) => (Number(value) >= low && Number(value) <= high ? Number(value) : fail(`--${option}: expected a number from ${low} to ${high}, got "${value}"`));

const chosen = listed('sizes', options.sizes ?? (options.quick ? 'micro' : Object.keys(sizes).join(',')), Object.keys(sizes));
const names = listed('engines', options.engines ?? (options.quick ? quick : contenders.map(({ name }) => name)).join(','), contenders.map(({ name }) => name));
const rounds = number('rounds', options.rounds ?? (options.quick ? 3 : 4), 1, 100);
const seconds = number('seconds', options.seconds, 0.01, 60);
const threads = number('threads', options.threads, 0, 1024) || availableParallelism();
const complete = !options.quick && !options.check && [options.sizes, options.engines].every((given) => given === undefined);

/** Steps whose losses are compared, and how far they may be from the reference's: float32 sums in another order; products of 8-bit mantissas. */
const CHECKED = 5;
const TOLERANCE = { fp32: 1e-4, bf16: 5e-3 };
const REFERENCE = 'onnxruntime';
const GEMM = 1536;
/** Steps of each turn that are not counted. */
const WARM = 3;

let libraries = {};
let python = '';
if (names.some((name) => contenders.find((one) => one.name === name).library)) {
  const found = findPython(options.python, { folder: 'peers', what: 'PyTorch and JAX' });
  if (found.python) libraries = librariesOf((python = found.python));
  const absent = ['torch', 'jax'].filter((library) => !(library in libraries) && names.some((name) => name.startsWith(library)));
  if (absent.length > 0) {
    const reason = found.missing ?? `${python} has no ${absent.map((library) => (library === 'jax' ? 'jax with optax' : library)).join(' and no ')} (with numpy and safetensors)`;
    if (options.engines) fail(`${reason}; --engines asks for it. pip install -r bench/peers/requirements.txt`, 'MDIFF_BENCH', 1);
    console.log(`${reason}: measured without ${absent.join(' and ')}`);
  }
}
const isTensorFlow = (one) => one.ours && one.args[0] === 'tfjs_node';
const tensorflow = locateTensorFlow({ cacheDir: ProjectConfig.default().cache_dir, device: 'cpu' });
if (!tensorflow && contenders.some((one) => names.includes(one.name) && isTensorFlow(one))) {
  const reason = 'native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW)';
  if (options.engines) fail(`${reason}; --engines asks for it`, 'MDIFF_BENCH', 1);
  console.log(`${reason}: measured without tfjs_node`);
}
const field = contenders.filter((one) => names.includes(one.name) && (one.ours ? !isTensorFlow(one) || tensorflow : one.library in libraries));
const reference = contenders.find(({ name }) => name === REFERENCE);

console.log('compiling our packages');
const compiled = spawnSync(process.execPath, [createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-b', fileURLToPath(new URL('.', import.meta.url))], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
if (!compiled) console.log('tsc -b bench found errors: our engines run from their sources, which counts in their start-up and memory');

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-bench-'));
const alive = new Set();
const clean = () => {
  for (const child of alive) child.close();
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { clean(); process.exit(130); });

/** Starts a contender and lets it do the checked steps. */
async function start(one, folder) {
  const { command, args } = commandOf(one, folder, python, compiled);
  const begun = performance.now();
  // Inductor keeps what it compiled between runs; the first run of a machine pays for that.
  const child = startChild(one.name, command, args, { PYTHONDONTWRITEBYTECODE: '1', ORT_DISABLE_TELEMETRY: '1', ...(isTensorFlow(one) && launcherEnvironment(tensorflow)) });
  alive.add(child);
  try {
    const first = await child.ask({ steps: 1 });
    const startup_s = (performance.now() - begun) / 1000;
    const { ms, losses } = await child.ask({ steps: CHECKED - 1 });
    return { child, startup_s, startup: first.startup, losses: [...first.losses, ...losses], ms: median(ms) };
  } catch (error) {
    stop(child);
    throw error;
  }
}
const stop = (child) => { child.close(); alive.delete(child); };

/** GF/s of a square product, the best of a few. */
const gemm = async (child) => (2 * GEMM ** 3) / Math.min(...(await child.ask({ gemm: GEMM, repeats: 5 })).ms) / 1e6;

/** A panel per size: tokens a second, and how many times as fast as the best peer. */
const chartOf = (rows) => bars({
  title: `Training tokens per second on ${threads} cores (× the best peer), same model, batch and loss`,
  panels: chosen.map((size) => ({
    title: `${size}, ${(layout(sizes[size]).total / 1e6).toFixed(1)}M parameters`,
    bars: rows
      .filter((row) => row.size === size)
      .sort((a, b) => b.tokens_per_s - a.tokens_per_s)
      .map(({ engine, tokens_per_s, ratio_to_best_peer }) => ({
        label: engine.replaceAll('_', ' '),
        value: tokens_per_s,
        note: `${tokens_per_s.toLocaleString('en')}${ratio_to_best_peer === null ? '' : ` (${ratio_to_best_peer.toFixed(2)})`}`,
        ours: contenders.find(({ name }) => name === engine).ours,
      })),
  })),
});

let passed = 0;
let failed = 0;
const rows = [];
const best = { fp32: null, bf16: null };
try {
  for (const size of chosen) {
    const model = sizes[size];
    const folder = join(scratch, size);
    writeInputs(folder, model, threads, 2, tensorflow);
    console.log(`\n${size}: ${(layout(model).total / 1e6).toFixed(2)}M parameters, ${TOKENS} tokens a step, half of them masked, ${threads} threads`);
    const running = [];
    let expected;
    for (const one of [reference, ...field.filter(({ name }) => name !== REFERENCE)]) {
      let started;
      try {
        started = await start(one, folder);
      } catch (error) {
        failed++;
        console.log(`  ${one.name}: did not run: ${error.message}`);
        if (one === reference) throw Object.assign(new Error(`the reference ${REFERENCE} did not run: ${error.message}`), { code: 'MDIFF_BENCH' });
        continue;
      }
      const { child, startup_s, startup, losses, ms } = started;
      expected ??= losses;
      const error = lossError(losses, expected);
      const agrees = error <= TOLERANCE[one.bf16 ? 'bf16' : 'fp32'];
      if (agrees) passed++;
      else failed++;
      console.log(`  ${one.name}: losses ${losses.map((loss) => loss.toFixed(4)).join(' ')}${one === reference ? '' : `, ${error.toExponential(1)} from ${REFERENCE}: ${agrees ? 'the same' : 'NOT the same'}`}; up in ${startup_s.toFixed(1)} s`);
      if (agrees && !options.check && field.includes(one)) running.push({ ...one, engine: one.name, child, startup_s, startup, loss: losses.at(-1), steps: Math.max(1, Math.min(50, Math.round((seconds * 1000) / ms))), turns: [] });
      else stop(child);
    }
    for (let round = 0; round < rounds; round++) {
      // Another neighbour each round; the steps before the clock starts find cold caches, sleeping threads, and memory that the system took back meanwhile.
      for (let i = 0; i < running.length; i++) {
        const one = running[(i + round) % running.length];
        const { ms, peak_mb } = await one.child.ask({ steps: one.steps + WARM });
        one.turns.push({ steps: one.steps, ms: ms.slice(WARM).reduce((a, b) => a + b, 0) });
        one.peak_mb = peak_mb;
      }
    }
    // After the rounds, so that it counts in nobody's memory.
    for (const [precision, bf16] of [['fp32', false], ['bf16', true]]) {
      const able = running.filter((one) => one.bf16 === bf16 && (one.name === REFERENCE || one.library === 'torch' && one.name.includes('eager')));
      for (const { child } of able) best[precision] = Math.max(best[precision] ?? 0, await gemm(child));
    }
    for (const { child } of running) stop(child);
    if (running.length > 0) {
      const found = rowsOf(size, running, { tokens: TOKENS, flops: flopsOf(model), peaks: best });
      rows.push(...found);
      console.log(`\n${tableOf(found)}`);
    }
  }
} finally {
  clean();
}

if (!options.check) {
  // Shares against the peak of the whole run: a size may have had a busy moment.
  for (const row of rows) {
    const peak = best[contenders.find(({ name }) => name === row.engine).bf16 ? 'bf16' : 'fp32'];
    row.share_of_peak = peak === null ? null : Number((row.gflops / peak).toFixed(3));
  }
  const machine = { cpu: cpus()[0]?.model ?? process.arch, threads, load: loadavg()[0], gemm_fp32_gflops: Math.round(best.fp32 ?? 0) || null, gemm_bf16_gflops: Math.round(best.bf16 ?? 0) || null, node: process.version, ...libraries };
  console.log(`\nproducts of ${GEMM} × ${GEMM}: ${machine.gemm_fp32_gflops ?? '–'} GF/s in float32, ${machine.gemm_bf16_gflops ?? '–'} in bfloat16`);
  if (machine.load > threads + 1) console.log(`the load average is ${machine.load.toFixed(1)}: something else is running, and engines whose threads wait for each other suffer most`);
  const result = `${JSON.stringify({ machine, date: new Date().toISOString(), rows }, null, 1)}\n`;
  const out = options.out ?? (complete && Object.keys(libraries).length === 2 ? new URL('results/train.json', import.meta.url) : undefined);
  if (out) {
    writeFileSync(out, result);
    console.log(String(out instanceof URL ? 'bench/results/train.json' : out));
  }
  if (out instanceof URL) {
    writeFileSync(new URL('../docs/engine-speed.svg', import.meta.url), chartOf(rows));
    console.log('docs/engine-speed.svg');
  }
}
if (options.check) console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
