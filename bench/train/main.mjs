// Training steps per second: mdiff's engines beside PyTorch and JAX, the same model, weights, batch and update, checked to have the same loss.
// MDIFF_TENSORFLOW names a built tfjs-node where "mdiff engine install tensorflow" was not run.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { layout } from '@mdiff/model';
import { launcherEnvironment, locateTensorFlow } from '@mdiff/engine';
import { bars } from '../shared/chart.mjs';
import { compilePackages } from '../shared/compile.mjs';
import { median } from '../shared/median.ts';
import { failure, list, number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { findPython, librariesOf } from '../shared/python.ts';
import { fixed, writeChart, writeResult, writeTo } from '../shared/results.mjs';
import { startChild } from './children.ts';
import { commandOf, contenders, quick } from './engines.ts';
import { writeInputs } from './inputs.ts';
import { isaEnvironment, isas } from './isa.ts';
import { TOKENS, flopsOf, sizes } from './sizes.ts';
import { lossError, rowsOf, tableOf } from './summary.ts';

const everyName = contenders.map(({ name }) => name);
const options = optionsOf({
  name: 'train',
  about: "Training steps per second: mdiff's engines beside PyTorch and JAX.",
  options: {
    quick: { help: 'one size, three rounds, and the peers that usually win' },
    check: { help: 'compare losses only' },
    sizes: { kind: list(oneOf(Object.keys(sizes))), help: `networks (default: all of ${Object.keys(sizes).join(', ')})` },
    engines: { kind: list(oneOf(everyName)), help: 'engines by name (default: all that are installed)' },
    rounds: { kind: whole(1, 100), help: 'turns of each engine (default: 4)' },
    seconds: { kind: number(0.01, 60), default: 1.2, help: 'length of a turn' },
    threads: { kind: whole(0, 1024), default: 0, help: 'threads of each engine; 0 takes all' },
    isa: { kind: oneOf(isas), help: 'widest instructions that any engine may use (default: all; nothing holds ONNX Runtime)' },
    python: { kind: text('path'), help: "a Python with the peers' libraries (default: bench/train/peers/.venv, made once)" },
    out: { kind: text('file'), help: 'where a run of parts leaves its figures' },
  },
});
const chosen = options.sizes ?? (options.quick ? ['micro'] : Object.keys(sizes));
const names = options.engines ?? (options.quick ? quick : everyName);
const rounds = options.rounds ?? (options.quick ? 3 : 4);
const { seconds } = options;
const threads = options.threads || availableParallelism();
const complete = !options.quick && !options.check && !options.sizes && !options.engines && !options.isa;

/**
 * Steps whose losses are compared, and how far, relative, they may be from the reference's. float32 rounds by 2⁻²⁴ (6e-8): 1e-4 allows some 1,700 roundings.
 * bfloat16 rounds by 2⁻⁸ (4e-3): 5e-3 is little more than one rounding of the loss itself.
 */
const CHECKED = 5;
const TOLERANCE = { fp32: 1e-4, bf16: 5e-3 };
const REFERENCE = 'onnxruntime';
const GEMM = 1536;
/** Steps of each turn that are not counted. */
const WARM = 3;

/** Says that a part of the field is not installed, or refuses where the user asked for it by name. */
function leaveOut(reason, what, remedy = '') {
  if (options.engines) throw failure(`${reason}; --engines asks for it${remedy}`);
  console.log(`${reason}: measured without ${what}`);
}

/** The Python of the peers and the versions of its libraries, as far as this run needs any. */
function findPeers() {
  if (!names.some((name) => contenders.find((one) => one.name === name).library)) return { python: '', libraries: {} };
  const found = findPython(options.python, { folder: 'train/peers', what: 'PyTorch and JAX' });
  const libraries = found.python ? librariesOf(found.python) : {};
  const absent = ['torch', 'jax'].filter((library) => !(library in libraries) && names.some((name) => name.startsWith(library)));
  if (absent.length > 0) {
    const reason =
      found.missing ??
      `${found.python} has no ${absent.map((library) => (library === 'jax' ? 'jax with optax' : library)).join(' and no ')} (with numpy and safetensors)`;
    leaveOut(reason, absent.join(' and '), '; run pip install -r bench/train/peers/requirements.txt');
  }
  return { python: found.python ?? '', libraries };
}

const { python, libraries } = findPeers();
const isTensorFlow = (one) => one.ours && one.args[0] === 'tfjs_node';
const tensorflow = locateTensorFlow({ cacheDir: ProjectConfig.default().cache_dir, device: 'cpu' });
if (!tensorflow && contenders.some((one) => names.includes(one.name) && isTensorFlow(one))) {
  leaveOut('native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW)', 'tfjs_node');
}
const field = contenders.filter(
  (one) => names.includes(one.name) && (one.ours ? !isTensorFlow(one) || tensorflow : one.library in libraries),
);
const reference = contenders.find(({ name }) => name === REFERENCE);

const compiled = compilePackages();
if (!compiled) console.log("tsc -b bench found errors: mdiff's engines run from their sources, which counts in their start-up and memory");

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-bench-'));
const alive = new Set();
const clean = () => {
  for (const child of alive) child.close();
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    clean();
    process.exit(130);
  });

/** Starts a contender and lets it do the checked steps. */
async function start(one, folder) {
  const { command, args } = commandOf(one, folder, python, compiled);
  const begun = performance.now();
  // Inductor keeps what it compiled between runs; the first run of a machine pays for that.
  const child = startChild(one.name, command, args, {
    PYTHONDONTWRITEBYTECODE: '1',
    ORT_DISABLE_TELEMETRY: '1',
    ...(isTensorFlow(one) && launcherEnvironment(tensorflow)),
    ...isaEnvironment(options.isa, one.ours),
  });
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
const stop = (child) => {
  child.close();
  alive.delete(child);
};

/** GF/s of a square product, the best of a few. */
const gemm = async (child) => (2 * GEMM ** 3) / Math.min(...(await child.ask({ gemm: GEMM, repeats: 5 })).ms) / 1e6;

/** A panel per size: tokens a second, and how many times as fast as the best peer. */
const chartOf = (rows) =>
  bars({
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

const counts = { passed: 0, failed: 0 };
const best = { fp32: null, bf16: null };

/** Starts every engine of a size and keeps those whose first losses are the reference's, ready for their turns. */
async function contendersOf(folder) {
  const running = [];
  let expected;
  for (const one of [reference, ...field.filter(({ name }) => name !== REFERENCE)]) {
    let started;
    try {
      started = await start(one, folder);
    } catch (error) {
      counts.failed++;
      console.log(`  ${one.name}: did not run: ${error.message}`);
      if (one === reference) throw failure(`the reference ${REFERENCE} did not run: ${error.message}`);
      continue;
    }
    const { child, startup_s, startup, losses, ms } = started;
    expected ??= losses;
    const error = lossError(losses, expected);
    const agrees = error <= TOLERANCE[one.bf16 ? 'bf16' : 'fp32'];
    counts[agrees ? 'passed' : 'failed']++;
    const verdict = one === reference ? '' : `, ${error.toExponential(1)} from ${REFERENCE}: ${agrees ? 'the same' : 'NOT the same'}`;
    console.log(`  ${one.name}: losses ${losses.map((loss) => loss.toFixed(4)).join(' ')}${verdict}; up in ${startup_s.toFixed(1)} s`);
    const steps = Math.max(1, Math.min(50, Math.round((seconds * 1000) / ms)));
    if (agrees && !options.check && field.includes(one))
      running.push({ ...one, engine: one.name, child, startup_s, startup, loss: losses.at(-1), steps, turns: [] });
    else stop(child);
  }
  return running;
}

/** All take turns, and each round begins with another engine. The first steps of a turn find cold caches, sleeping threads, and memory that the system took back. */
async function takeTurns(running) {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const one = running[(i + round) % running.length];
      const { ms, peak_mb } = await one.child.ask({ steps: one.steps + WARM });
      one.turns.push({ steps: one.steps, ms: ms.slice(WARM).reduce((a, b) => a + b, 0) });
      one.peak_mb = peak_mb;
    }
  }
  // Products come after the rounds, so that their matrices count in nobody's memory.
  for (const [precision, bf16] of [
    ['fp32', false],
    ['bf16', true],
  ]) {
    const able = running.filter(
      (one) => one.bf16 === bf16 && (one.name === REFERENCE || (one.library === 'torch' && one.name.includes('eager'))),
    );
    for (const { child } of able) best[precision] = Math.max(best[precision] ?? 0, await gemm(child));
  }
}

async function measureSize(size) {
  const model = sizes[size];
  const folder = join(scratch, size);
  writeInputs(folder, model, threads, 2, tensorflow);
  console.log(
    `\n${size}: ${(layout(model).total / 1e6).toFixed(2)}M parameters, ${TOKENS} tokens a step, half of them masked, ${threads} threads`,
  );
  const running = await contendersOf(folder);
  await takeTurns(running);
  for (const { child } of running) stop(child);
  if (running.length === 0) return [];
  const rows = rowsOf(size, running, { tokens: TOKENS, flops: flopsOf(model), peaks: best });
  console.log(`\n${tableOf(rows)}`);
  return rows;
}

/** Prints what the machine can do, and writes the figures of a whole run or where the user asked for them. */
function report(rows) {
  // Shares against the peak of the whole run: a size may have had a busy moment.
  for (const row of rows) {
    const peak = best[contenders.find(({ name }) => name === row.engine).bf16 ? 'bf16' : 'fp32'];
    row.share_of_peak = peak === null ? null : fixed(row.gflops / peak, 3);
  }
  const gflops = (precision) => Math.round(best[precision] ?? 0) || null;
  const machine = {
    cpu: cpus()[0]?.model ?? process.arch,
    threads,
    ...(options.isa && { isa: options.isa }),
    load: loadavg()[0],
    gemm_fp32_gflops: gflops('fp32'),
    gemm_bf16_gflops: gflops('bf16'),
    node: process.version,
    ...libraries,
  };
  console.log(
    `\nproducts of ${GEMM} × ${GEMM}: ${machine.gemm_fp32_gflops ?? '–'} GF/s in float32, ${machine.gemm_bf16_gflops ?? '–'} in bfloat16`,
  );
  if (machine.load > threads + 1)
    console.log(
      `the load average is ${machine.load.toFixed(1)}: something else is running, and engines whose threads wait for each other suffer most`,
    );
  const result = { machine, date: new Date().toISOString(), rows };
  if (options.out) writeTo(options.out, result);
  else if (complete && Object.keys(libraries).length === 2) {
    writeResult('train', result);
    writeChart('engine-speed', chartOf(rows));
  }
}

const rows = [];
try {
  for (const size of chosen) rows.push(...(await measureSize(size)));
} finally {
  clean();
}
if (options.check) console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
else report(rows);
process.exitCode = counts.failed > 0 ? 1 : 0;
