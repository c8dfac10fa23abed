// Does training in bfloat16 differ from float32 by more than what does not matter? Loss curves of the same run, seed and batches, step by step:
// float32 against bfloat16, against the other engine in float32, and against another seed.
// npm run bench -- curves [--steps 500] [--set key=value …, for all arms] [--arms float32,bfloat16,seed,onnxruntime] [--reuse: take finished runs as they are] [--out FILE]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProjectConfig } from '@mdiff/config';
import { installedEngines } from '@mdiff/train';
import { chart, stacked } from './chart.mjs';
import { comparison, smooth } from './curves/compare.ts';

const { values: options } = parseArgs({
  options: { steps: { type: 'string', default: '500' }, arms: { type: 'string' }, set: { type: 'string', multiple: true, default: [] }, reuse: { type: 'boolean', default: false }, out: { type: 'string' } },
});
const fail = (message, code = 'MDIFF_USAGE', exitCode = 2) => { throw Object.assign(new Error(message), { code, exitCode }); };
if (installedEngines(ProjectConfig.default().cache_dir).devices.tfjs_node.length === 0) {
  fail('native TensorFlow is not installed (run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW), and no other engine has bfloat16', 'MDIFF_BENCH', 1);
}

const SEEDS = [42, 43];
/** Steps averaged before two curves are compared: a step's loss is that of one batch, half of it hidden by chance. */
const WINDOW = 25;
const steps = Number(options.steps);
if (!(Number.isInteger(steps) && steps >= WINDOW)) fail(`--steps: expected a whole number from ${WINDOW}, got "${options.steps}"`);
const known = [
  { name: 'float32', label: 'TensorFlow, float32', engine: 'tfjs_node', bf16: false, seed: SEEDS[0] },
  { name: 'bfloat16', label: 'TensorFlow, bfloat16', engine: 'tfjs_node', bf16: true, seed: SEEDS[0] },
  { name: 'seed', label: 'another seed, float32', engine: 'tfjs_node', bf16: false, seed: SEEDS[1] },
  { name: 'onnxruntime', label: 'ONNX Runtime, float32', engine: 'onnxruntime', bf16: false, seed: SEEDS[0] },
];

const names = options.arms?.split(',') ?? known.map(({ name }) => name);
for (const name of names) if (!known.some((arm) => arm.name === name)) fail(`--arms: expected names out of ${known.map((arm) => arm.name).join(', ')}, got "${name}"`);
const arms = known.filter(({ name }) => names.includes(name));
const NEEDED = ['float32', 'bfloat16', 'seed'];
if (!NEEDED.every((name) => names.includes(name))) fail(`--arms: expected ${NEEDED.join(', ')} among them, got "${options.arms}"`);

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

const [base, ...others] = arms;
const pairs = others.map(({ name, label, losses }) => ({ name, label, ...comparison(base.losses, losses, WINDOW) }));
const held = ({ last }) => (last.nelbo === undefined ? '' : `; held out ${last.nelbo.toFixed(4)} ± ${last.nelbo_se.toFixed(4)} nats/token, ${last.bits_per_byte.toFixed(4)} bits/byte`);
console.log(`\n${steps} steps; differences to ${base.label}, means of ${WINDOW} steps, nats/token${held(base)}`);
pairs.forEach((pair, i) => console.log(`  ${pair.label}: root mean square ${pair.rms.toFixed(4)}, largest ${pair.largest.toFixed(4)}, mean ${pair.mean.toFixed(5)}${held(others[i])}`));
const [bfloat16, seed] = ['bfloat16', 'seed'].map((name) => pairs.find((pair) => pair.name === name));
console.log(`bfloat16 moves the curve by ${(bfloat16.rms / seed.rms).toFixed(3)} of what another seed does: ${bfloat16.rms <= seed.rms ? 'within the noise' : 'NOT within the noise'}`);

const result = {
  date: new Date().toISOString(),
  window: WINDOW,
  arms: arms.map(({ name, label, engine, bf16, seed, losses, last }) => ({ name, label, engine, bf16, seed, ...(last.nelbo !== undefined && { nelbo: last.nelbo, nelbo_se: last.nelbo_se, bits_per_byte: last.bits_per_byte }), losses: losses.map((loss) => Number(loss.toFixed(5))) })),
  pairs: pairs.map(({ name, label, rms, largest, mean }) => ({ name, label, rms, largest, mean })),
};
const whole = !options.out && options.set.length === 0 && steps >= 500;
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
      chart({ title: `Training loss on Moby-Dick, means of ${WINDOW} steps`, x: 'training steps', y: 'nats/token', series: arms.map(({ label, losses }) => ({ label, points: thin(smooth(losses, WINDOW)) })) }),
      chart({ title: `Difference to ${base.label}`, x: 'training steps', y: 'nats/token', series: pairs.map(({ label, differences }) => ({ label, points: thin(differences) })), lines: [{ label: base.label, y: 0 }] }),
    ]),
  );
  console.log('docs/precision.svg');
}
process.exitCode = bfloat16.rms <= seed.rms ? 0 : 1;
