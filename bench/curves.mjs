// Does training in bfloat16 differ from float32 by more than what does not matter? Loss curves of the same run and batches, step by step: float32
// against bfloat16 with several seeds, against the other engine in float32, and the seeds against each other.
// npm run bench -- curves [--steps 500] [--set key=value …, for all arms] [--seeds 42,43,44] [--reuse: take finished runs as they are] [--out FILE]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProjectConfig } from '@mdiff/config';
import { installedEngines } from '@mdiff/train';
import { chart, stacked } from './chart.mjs';
import { comparison, noiseOf, smooth } from './curves/compare.ts';

const { values: options } = parseArgs({
  options: { steps: { type: 'string', default: '500' }, seeds: { type: 'string', default: '42,43,44' }, set: { type: 'string', multiple: true, default: [] }, reuse: { type: 'boolean', default: false }, out: { type: 'string' } },
});
const fail = (message, code = 'MDIFF_USAGE', exitCode = 2) => { throw Object.assign(new Error(message), { code, exitCode }); };
if (installedEngines(ProjectConfig.default().cache_dir).devices.tfjs_node.length === 0) {
  fail('native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW), and no other engine has bfloat16', 'MDIFF_BENCH', 1);
}

/** Steps averaged before two curves are compared: a step's loss is that of one batch, half of it hidden by chance. */
const WINDOW = 25;
const steps = Number(options.steps);
if (!(Number.isInteger(steps) && steps >= WINDOW)) fail(`--steps: expected a whole number from ${WINDOW}, got "${options.steps}"`);
const seeds = options.seeds.split(',').map(Number);
if (seeds.length < 2 || !seeds.every((seed) => Number.isInteger(seed) && seed >= 0)) fail(`--seeds: expected at least two whole numbers, got "${options.seeds}"`);
const arms = [
  ...seeds.flatMap((seed) => [
    { name: `float32-${seed}`, label: `float32, seed ${seed}`, engine: 'tfjs_node', bf16: false, seed },
    { name: `bfloat16-${seed}`, label: `bfloat16, seed ${seed}`, engine: 'tfjs_node', bf16: true, seed },
  ]),
  // The same numbers added in another order: what rounding alone grows to.
  { name: `onnxruntime-${seeds[0]}`, label: `float32 in ONNX Runtime, seed ${seeds[0]}`, engine: 'onnxruntime', bf16: false, seed: seeds[0] },
];

const root = fileURLToPath(new URL('..', import.meta.url));
for (const arm of arms) {
  const run = `bench-curves-${arm.name}`;
  const folder = join(root, 'outputs', run);
  const read = () => readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  if (!(options.reuse && existsSync(join(folder, 'model', 'manifest.json')) && read().length === steps)) {
    const settings = [
      `experiment_name=${run}`, `engine=${arm.engine}`, 'device=cpu', `seed=${arm.seed}`, `training.use_mixed_precision=${arm.bf16}`,
      'model.vocab_size=8192', `training.max_steps=${steps}`, 'training.log_every=1', 'training.eval_every=0', ...options.set,
    ];
    const { status } = spawnSync(
      process.execPath,
      [join(root, 'apps/mdiff/bin/mdiff.js'), 'train', '--config', join(root, 'runs/quickstart.yaml'), '--fresh', ...settings.flatMap((setting) => ['--set', setting])],
      { cwd: root, stdio: 'inherit' },
    );
    if (status !== 0) fail(`the arm "${arm.name}" ended with code ${status}`, 'MDIFF_BENCH', 1);
  }
  const metrics = read();
  arm.losses = metrics.map(({ loss }) => loss);
  arm.last = metrics.at(-1);
}

const arm = (name) => arms.find((one) => one.name === name);
const pair = (of, to, kind) => ({ kind, of: of.name, to: to.name, held: of.last.nelbo - to.last.nelbo, ...comparison(to.losses, of.losses, WINDOW) });
const precision = seeds.map((seed) => pair(arm(`bfloat16-${seed}`), arm(`float32-${seed}`), 'precision'));
const others = seeds.flatMap((seed, i) => seeds.slice(i + 1).map((other) => pair(arm(`float32-${other}`), arm(`float32-${seed}`), 'seed')));
const engine = pair(arm(`onnxruntime-${seeds[0]}`), arm(`float32-${seeds[0]}`), 'engine');
const pairs = [...precision, ...others, engine];
console.log(`\n${steps} steps; held out, nats/token:`);
for (const { label, last } of arms) console.log(`  ${label}: ${last.nelbo.toFixed(4)} ± ${last.nelbo_se.toFixed(4)}, ${last.bits_per_byte.toFixed(4)} bits/byte`);
console.log(`differences, means of ${WINDOW} steps, nats/token:`);
for (const { of, to, rms, largest, mean, held } of pairs) console.log(`  ${of} − ${to}: root mean square ${rms.toFixed(4)}, largest ${largest.toFixed(4)}, mean ${mean.toFixed(4)}; held out ${held.toFixed(4)}`);
const noise = noiseOf(precision, others);
console.log(`bfloat16 moves a curve by ${noise.rms.toFixed(3)} of what another seed does; held out it is ${noise.mean.toFixed(4)} ± ${noise.error.toFixed(4)} (standard error of ${seeds.length} seeds) from float32: ${noise.within ? 'within the noise' : 'NOT within the noise'}`);

const result = {
  date: new Date().toISOString(),
  window: WINDOW,
  arms: arms.map(({ name, label, engine, bf16, seed, losses, last }) => ({ name, label, engine, bf16, seed, nelbo: last.nelbo, nelbo_se: last.nelbo_se, bits_per_byte: last.bits_per_byte, losses: losses.map((loss) => Number(loss.toFixed(5))) })),
  pairs: pairs.map(({ differences, ...rest }) => ({ ...rest, steps: differences.length })),
  noise,
};
const whole = !options.out && options.set.length === 0 && steps >= 500 && options.seeds === '42,43,44';
const out = options.out ?? (whole ? new URL('results/curves.json', import.meta.url) : undefined);
if (out) {
  writeFileSync(out, `${JSON.stringify(result)}\n`);
  console.log(whole ? 'bench/results/curves.json' : out);
}
if (whole) {
  const thin = (values) => values.map((value, i) => [i + WINDOW, value]).filter((_, i) => i % 10 === 0 || i === values.length - 1);
  writeFileSync(
    new URL('../docs/precision.svg', import.meta.url),
    stacked([
      chart({ title: `Training loss on Moby-Dick, means of ${WINDOW} steps`, x: 'training steps', y: 'nats/token', series: arms.filter(({ seed }) => seed === seeds[0]).map(({ label, losses }) => ({ label, points: thin(smooth(losses, WINDOW)) })) }),
      chart({ title: 'Difference of two curves', x: 'training steps', y: 'nats/token', series: [...precision, ...others.slice(0, 2), engine].map(({ of, to, differences }) => ({ label: `${of} − ${to}`, points: thin(differences) })), lines: [{ label: 'none', y: 0 }] }),
    ]),
  );
  console.log('docs/precision.svg');
}
process.exitCode = noise.within ? 0 : 1;
