// Does training in bfloat16 differ from float32 by more than another seed does? Loss curves of the same run on the same batches: float32
// against bfloat16 with several seeds, against the other engine in float32, and the seeds against each other.
import { ProjectConfig } from '@mdiff/config';
import { installedEngines } from '@mdiff/engine';
import { chart, stacked } from '../shared/chart.mjs';
import { failure, list, optionsOf, text, whole } from '../shared/options.mjs';
import { writeChart, writeResult, writeTo } from '../shared/results.mjs';
import { metricsOf } from '../shared/training.mjs';
import { noiseOf, smooth } from './compare.ts';
import { distancesOf, figuresOf, pairOf, tellArms, tellNoise, tellPairs } from './told.mjs';

/** Steps averaged before two curves are compared: a step's loss is that of one batch, half of it hidden by chance. */
const WINDOW = 25;
const SEEDS = '42,43,44';

const options = optionsOf({
  name: 'curves',
  about: 'Loss curves of the preset quickstart_scratch in float32 and bfloat16 with several seeds. Needs native TensorFlow.',
  options: {
    steps: { kind: whole(WINDOW), default: 500, help: 'steps of each run' },
    seeds: { kind: list(whole(0), 2), default: SEEDS, help: 'seeds, separated by commas' },
    set: { kind: text('key=value'), many: true, help: 'a setting of every run; may be repeated' },
    reuse: { help: 'take finished runs as they are' },
    out: { kind: text('file'), help: 'where a run with other options leaves its figures' },
  },
});
const { steps, seeds } = options;
if (installedEngines(ProjectConfig.default().cache_dir).devices.tfjs_node.length === 0) {
  throw failure(
    'native TensorFlow is not installed, and no other engine has bfloat16; run "mdiff engine install tensorflow", or set MDIFF_TENSORFLOW',
  );
}

const arms = [
  ...seeds.flatMap((seed) => [
    { name: `float32-${seed}`, label: `float32, seed ${seed}`, engine: 'tfjs_node', bf16: false, seed },
    { name: `bfloat16-${seed}`, label: `bfloat16, seed ${seed}`, engine: 'tfjs_node', bf16: true, seed },
  ]),
  // The same numbers added in another order, for the effect of rounding alone.
  {
    name: `onnxruntime-${seeds[0]}`,
    label: `float32 in ONNX Runtime, seed ${seeds[0]}`,
    engine: 'onnxruntime',
    bf16: false,
    seed: seeds[0],
  },
];
for (const arm of arms) {
  const settings = [
    `engine=${arm.engine}`,
    'device=cpu',
    `seed=${arm.seed}`,
    `training.use_mixed_precision=${arm.bf16}`,
    'model.vocab_size=8192',
    `training.max_steps=${steps}`,
    'training.log_every=1',
    'training.eval_every=0',
    ...options.set,
  ];
  const metrics = metricsOf(`curves-${arm.name}`, settings, ({ length }) => options.reuse && length === steps);
  arm.losses = metrics.map(({ loss }) => loss);
  arm.last = metrics.at(-1);
}

const named = (name) => arms.find((arm) => arm.name === name);
const pair = (of, to, kind) => ({ kind, ...pairOf(of, to, WINDOW) });
const precision = seeds.map((seed) => pair(named(`bfloat16-${seed}`), named(`float32-${seed}`), 'precision'));
const others = seeds.flatMap((seed, i) =>
  seeds.slice(i + 1).map((other) => pair(named(`float32-${other}`), named(`float32-${seed}`), 'seed')),
);
const engine = pair(named(`onnxruntime-${seeds[0]}`), named(`float32-${seeds[0]}`), 'engine');
const pairs = [...precision, ...others, engine];
const noise = noiseOf(precision, others);

console.log(`\n${steps} steps; held out, nats/token:`);
tellArms(arms);
tellPairs(pairs, WINDOW);
tellNoise(noise, seeds.length);

const result = {
  date: new Date().toISOString(),
  window: WINDOW,
  arms: arms.map(({ name, label, engine, bf16, seed, ...arm }) => ({ name, label, engine, bf16, seed, ...figuresOf(arm) })),
  pairs: distancesOf(pairs),
  noise,
};
if (options.out) writeTo(options.out, result, 0);
else if (options.set.length === 0 && steps >= 500 && seeds.join() === SEEDS) {
  writeResult('curves', result, 0);
  const thin = (values) => values.map((value, i) => [i + WINDOW, value]).filter((_, i) => i % 10 === 0 || i === values.length - 1);
  const axes = { x: 'training steps', y: 'nats/token' };
  const losses = arms.filter(({ seed }) => seed === seeds[0]).map(({ label, losses }) => ({ label, points: thin(smooth(losses, WINDOW)) }));
  const differences = [...precision, ...others.slice(0, 2), engine].map(({ of, to, differences }) => ({
    label: `${of} − ${to}`,
    points: thin(differences),
  }));
  writeChart(
    'precision',
    stacked([
      chart({ title: `Training loss on Moby-Dick, means of ${WINDOW} steps`, ...axes, series: losses }),
      chart({ title: 'Difference of two curves', ...axes, series: differences, lines: [{ label: 'none', y: 0 }] }),
    ]),
  );
}
process.exitCode = noise.within ? 0 : 1;
