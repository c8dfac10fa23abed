// Memory and time of a training step, with and without recomputed blocks, and the numbers of each engine that the memory estimate takes.
// One process per setting, because only a process has a peak.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ProjectConfig, estimateMemory } from '@mdiff/config';
import { launcherEnvironment } from '@mdiff/engine';
import { failure, list, number, oneOf, optionsOf, text, whole } from '../shared/options.mjs';
import { fixed, writeResult, writeTo } from '../shared/results.mjs';
import { errorOf, fitOf } from './fit.ts';
import { contenders, sizes, tensorflow } from './settings.mjs';

const options = optionsOf({
  name: 'memory',
  about: 'Peak memory and time of a step with and without recomputed blocks, and the fit of the memory estimate to them.',
  options: {
    engines: {
      kind: list(oneOf(Object.keys(contenders))),
      help: `engines (default: all of ${Object.keys(contenders).join(', ')} that are installed)`,
    },
    sizes: { kind: list(oneOf(Object.keys(sizes))), help: `shapes (default: all of ${Object.keys(sizes).join(', ')})` },
    steps: { kind: whole(1, 1000), default: 3, help: 'steps after the first' },
    masked: { kind: number(0.01, 1), default: 0.5, help: 'share of masked tokens' },
    threads: { kind: whole(0, 1024), default: 0, help: 'threads; 0 takes all' },
    out: { kind: text('file'), help: 'where a run of some engines or shapes leaves its figures' },
  },
});
const { steps, masked, threads } = options;

function installedNames() {
  const asked = options.engines ?? Object.keys(contenders);
  if (tensorflow || asked.every((name) => name === 'onnxruntime')) return asked;
  const reason = 'native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW)';
  if (options.engines) throw failure(`${reason}; --engines asks for it`);
  console.log(`${reason}: measured without tfjs_node`);
  return ['onnxruntime'];
}

/** The formula's terms for a setting, without an engine's own numbers. */
function point({ size, checkpointing, peak_mb }) {
  const { model, B } = sizes[size];
  const { hardware } = ProjectConfig.default();
  const { state, activations, logits } = estimateMemory({
    model,
    hardware,
    training: { batch_size: B, use_gradient_checkpointing: checkpointing, ema_decay: 0 },
  });
  return { peak: peak_mb * 1e6, state, activations: activations + logits };
}

function measure(engine, size, checkpointing) {
  const setting = JSON.stringify({ size, engine, checkpointing, steps, masked, threads });
  const env = { ...process.env, ...(engine !== 'onnxruntime' && launcherEnvironment(tensorflow)) };
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL('measure.mjs', import.meta.url)), setting],
    { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw failure(`${engine}, ${size}: the process ended with ${signal ?? `code ${status}`}`);
  const { model, B } = sizes[size];
  return { engine, size, B, S: model.max_seq_len, checkpointing, ...JSON.parse(stdout) };
}

function describe(row, kept) {
  const against = kept
    ? `, ${(row.peak_mb / kept.peak_mb).toFixed(2)} × the memory, ${(row.step_ms / kept.step_ms).toFixed(2)} × the time, ${row.loss === kept.loss ? 'the same loss' : `loss ${row.loss} for ${kept.loss}`}`
    : '';
  const shape = `${row.engine} ${row.size} ${row.B} × ${row.S}, ${row.checkpointing ? 'recomputed' : 'kept'}`;
  return `${shape}: peak ${row.peak_mb.toFixed(0)} MB (opened ${row.opened_mb.toFixed(0)}, steps ${row.stepped_mb.toFixed(0)}), ${row.step_ms.toFixed(0)} ms a step${against}`;
}

const rows = [];
const fits = {};
const chosen = options.sizes ?? Object.keys(sizes);
for (const engine of installedNames()) {
  for (const checkpointing of [false, true]) {
    for (const size of chosen) {
      const row = measure(engine, size, checkpointing);
      console.log(
        describe(
          row,
          rows.find((one) => one.engine === engine && one.size === size),
        ),
      );
      rows.push(row);
    }
    if (chosen.length < 4) continue;
    const fitted = rows.filter((row) => row.engine === engine && row.checkpointing === checkpointing);
    const fit = fitOf(fitted.map(point));
    const errors = fitted.map((row) => [row.size, errorOf(point(row), fit)]);
    fits[`${engine} ${checkpointing ? 'recomputed' : 'kept'}`] = {
      ...fit,
      error: Object.fromEntries(errors.map(([size, error]) => [size, fixed(error, 3)])),
    };
    console.log(
      `  stateFactor ${fit.stateFactor.toFixed(2)}, activationFactor ${fit.activationFactor.toFixed(2)}, baseBytes ${(fit.baseBytes / 1e6).toFixed(0)} MB; estimate over measured: ${errors.map(([size, error]) => `${size} ${(100 * error).toFixed(0)} %`).join(', ')}`,
    );
  }
}
const result = { date: new Date().toISOString(), node: process.version, masked, threads, rows, fits };
if (options.out) writeTo(options.out, result);
else if (!options.engines && !options.sizes && tensorflow) writeResult('memory', result);
