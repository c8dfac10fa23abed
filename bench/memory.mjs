// Memory and time of a training step, with and without recomputed blocks, and the numbers of each engine that the memory estimate takes.
// One process per setting, because only a process has a peak.
// npm run bench -- memory [--engines onnxruntime,tfjs_node,tfjs_node_bf16] [--sizes nano,micro,batch,large,long,deep] [--steps 3] [--masked 0.5] [--threads 0] [--out FILE]
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProjectConfig, estimateMemory } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { engines, launcherEnvironment, locateTensorFlow, writeSafetensors } from '@mdiff/train';
import { errorOf, fitOf } from './memory/fit.ts';
import { peakMb } from './train/peak.ts';

const { values: options } = parseArgs({
  options: {
    engines: { type: 'string' },
    sizes: { type: 'string' },
    steps: { type: 'string', default: '3' },
    masked: { type: 'string', default: '0.5' },
    threads: { type: 'string', default: '0' },
    out: { type: 'string' },
    child: { type: 'string' },
  },
});
const fail = (message, code = 'MDIFF_USAGE', exitCode = 2) => { throw Object.assign(new Error(message), { code, exitCode }); };
const number = (option, low, high) => {
  const value = Number(options[option]);
  return value >= low && value <= high ? value : fail(`--${option}: expected a number from ${low} to ${high}, got "${options[option]}"`);
};
const [steps, masked, threads] = [number('steps', 1, 1000), number('masked', 0.01, 1), number('threads', 0, 1024)];

const { model: micro } = ProjectConfig.preset('micro');
/** Networks and batches: B rows of S = max_seq_len positions. */
const sizes = {
  nano: { model: ProjectConfig.preset('nano').model, B: 16 },
  micro: { model: micro, B: 16 },
  batch: { model: micro, B: 64 },
  large: { model: { ...micro, d_model: 512, n_layers: 6, n_heads: 8, d_ff: 1376 }, B: 16 },
  long: { model: { ...micro, max_seq_len: 512 }, B: 8 },
  deep: { model: { ...micro, n_layers: 12, max_seq_len: 512 }, B: 16 },
};
const tensorflow = locateTensorFlow({ cacheDir: ProjectConfig.default().cache_dir, device: 'cpu' });
const contenders = { onnxruntime: {}, tfjs_node: { tensorflow }, tfjs_node_bf16: { tensorflow, mixedPrecision: true } };

async function measure({ name, engine: asked, checkpointing }) {
  const { model, B } = sizes[name];
  const S = model.max_seq_len;
  const rng = stream(1, 'bench memory');
  const int = (of) => Int32Array.from({ length: B * S }, (_, i) => of(i));
  const rows = int((i) => i).filter(() => rng.next() < masked);
  const batch = {
    B, S, ids: int(() => rng.int(model.vocab_size)), segments: int(() => 1), positions: int((i) => i % S), causal: 0,
    rows, targets: rows.map(() => 1 + rng.int(model.vocab_size - 1)), weights: new Float32Array(rows.length).fill(1 / rows.length),
  };
  const update = { lr: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, clip: 1, ema: 0 };
  const engine = await engines[asked.replace('_bf16', '')]({ model, threads, labelSmoothing: 0, checkpointing, seed: 1, ...contenders[asked] });
  const opened_mb = peakMb();
  const times = [];
  let loss;
  for (let step = 1; step <= steps + 1; step++) {
    const begun = performance.now();
    ({ loss } = await engine.step([batch], { ...update, step }));
    times.push(performance.now() - begun);
  }
  const stepped_mb = peakMb();
  // What else a run does: it evaluates, keeps a checkpoint, and exports.
  await engine.evaluate(batch);
  const state = await engine.read();
  const files = ['params', 'm', 'v'].map((slot) => writeSafetensors(engine.layout.params.map(({ name, shape, offset, size }) => ({ name, shape, data: state[slot].subarray(offset, offset + size) }))));
  files.push(await engine.exportOnnx((await engine.read()).params));
  const peak_mb = peakMb();
  await engine.close();
  const rest = times.slice(1).sort((a, b) => a - b);
  const fixed = (value) => Number(value.toFixed(1));
  return { parameters: engine.layout.total, loss, step_ms: fixed(rest[rest.length >> 1]), opened_mb: fixed(opened_mb), stepped_mb: fixed(stepped_mb), peak_mb: fixed(peak_mb), files_mb: fixed(files.reduce((sum, { byteLength }) => sum + byteLength, 0) / 1e6) };
}

const listed = (option, from) => (options[option]?.split(',') ?? from).map((name) => (from.includes(name) ? name : fail(`--${option}: expected names out of ${from.join(', ')}, got "${name}"`)));

/** What the formula knows of a setting, before an engine's own numbers. */
function point({ size, checkpointing, peak_mb }) {
  const { model, B } = sizes[size];
  const { hardware } = ProjectConfig.default();
  const { state, activations, logits } = estimateMemory({ model, hardware, training: { batch_size: B, use_gradient_checkpointing: checkpointing, ema_decay: 0 } });
  return { peak: peak_mb * 1e6, state, activations: activations + logits };
}

function main() {
  const chosen = listed('sizes', Object.keys(sizes));
  let names = listed('engines', Object.keys(contenders));
  if (!tensorflow && names.some((name) => name !== 'onnxruntime')) {
    const reason = 'native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW)';
    if (options.engines) fail(`${reason}; --engines asks for it`, 'MDIFF_BENCH', 1);
    console.log(`${reason}: measured without tfjs_node`);
    names = ['onnxruntime'];
  }
  const rows = [];
  const fits = {};
  for (const engine of names) {
    for (const checkpointing of [false, true]) {
      for (const size of chosen) {
        const own = ['steps', 'masked', 'threads'].flatMap((key) => [`--${key}`, options[key]]);
        const child = JSON.stringify({ name: size, engine, checkpointing });
        const env = { ...process.env, ...(engine !== 'onnxruntime' && launcherEnvironment(tensorflow)) };
        const { status, signal, stdout } = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...own, '--child', child], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] });
        if (status !== 0) fail(`${engine}, ${size}: the process ended with ${signal ?? `code ${status}`}`, 'MDIFF_BENCH', 1);
        const { model, B } = sizes[size];
        const row = { engine, size, B, S: model.max_seq_len, checkpointing, ...JSON.parse(stdout) };
        const before = rows.find((one) => one.engine === engine && one.size === size);
        const against = before ? `, ${(row.peak_mb / before.peak_mb).toFixed(2)} × the memory, ${(row.step_ms / before.step_ms).toFixed(2)} × the time, ${row.loss === before.loss ? 'the same loss' : `loss ${row.loss} for ${before.loss}`}` : '';
        console.log(`${engine} ${size} ${B} × ${row.S}, ${checkpointing ? 'recomputed' : 'kept'}: peak ${row.peak_mb.toFixed(0)} MB (opened ${row.opened_mb.toFixed(0)}, steps ${row.stepped_mb.toFixed(0)}), ${row.step_ms.toFixed(0)} ms a step${against}`);
        rows.push(row);
      }
      if (chosen.length < 4) continue;
      const mine = rows.filter((row) => row.engine === engine && row.checkpointing === checkpointing);
      const fit = fitOf(mine.map(point));
      fits[`${engine} ${checkpointing ? 'recomputed' : 'kept'}`] = { ...fit, error: Object.fromEntries(mine.map((row) => [row.size, Number(errorOf(point(row), fit).toFixed(3))])) };
      console.log(`  stateFactor ${fit.stateFactor.toFixed(2)}, activationFactor ${fit.activationFactor.toFixed(2)}, baseBytes ${(fit.baseBytes / 1e6).toFixed(0)} MB; estimate over measured: ${mine.map((row) => `${row.size} ${(100 * errorOf(point(row), fit)).toFixed(0)} %`).join(', ')}`);
    }
  }
  const out = options.out ?? (options.engines || options.sizes || !tensorflow ? undefined : new URL('results/memory.json', import.meta.url));
  if (!out) return;
  writeFileSync(out, `${JSON.stringify({ date: new Date().toISOString(), node: process.version, masked, threads, rows, fits }, null, 1)}\n`);
  console.log(out instanceof URL ? 'bench/results/memory.json' : out);
}

if (options.child) process.stdout.write(JSON.stringify(await measure(JSON.parse(options.child))));
else main();
