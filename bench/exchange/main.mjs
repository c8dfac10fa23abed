// Does an exchange of gradients in bfloat16 change what is learnt more than another seed does? Loss curves of the same run on several ranks with float32
// and with bfloat16 and error feedback, several seeds, against the seeds' own distance and against another order of the additions alone.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';
import { noiseOf } from '../curves/compare.ts';
import { distancesOf, figuresOf, pairOf, tellArms, tellNoise, tellPairs } from '../curves/told.mjs';
import { failure, list, optionsOf, text, whole } from '../shared/options.mjs';
import { writeResult, writeTo } from '../shared/results.mjs';
import { linesOf } from '../shared/training.mjs';

/** Steps averaged before two curves are compared. */
const WINDOW = 25;
const SEEDS = '42,43,44';

const options = optionsOf({
  name: 'exchange',
  about: 'Loss curves of a small network on Moby-Dick, on ranks of MPI, by training.gradient_exchange. Needs "mdiff engine install mpi".',
  options: {
    steps: { kind: whole(WINDOW), default: 500, help: 'steps of each run' },
    ranks: { kind: whole(2), default: 2, help: 'ranks of each run' },
    seeds: { kind: list(whole(0), 2), default: SEEDS, help: 'seeds, separated by commas' },
    set: { kind: text('key=value'), many: true, help: 'a setting of every run; may be repeated' },
    reuse: { help: 'take finished runs as they are' },
    out: { kind: text('file'), help: 'where a run with other options leaves its figures' },
  },
});
const { steps, ranks, seeds } = options;
try {
  execFileSync('mpirun', ['--version'], { stdio: 'ignore' });
} catch {
  throw failure('mpirun does not run; install MPI (Debian: apt install gcc openmpi-bin libopenmpi-dev), then "mdiff engine install mpi"');
}

const SETTINGS = [
  ...['engine=onnxruntime', 'device=cpu', 'hardware.cpu_threads=1', 'reports=[]'],
  ...['model.d_model=64', 'model.n_layers=2', 'model.n_heads=4', 'model.d_ff=192', 'model.vocab_size=2048', 'model.max_seq_len=64'],
  ...['data.max_sentence_length=64', 'generation.max_length=64', 'training.batch_size=4', 'training.learning_rate=0.002'],
  ...['training.log_every=1', 'training.eval_every=0', 'training.save_every=0', 'training.dataloader_num_workers=0'],
];

/** Trains on the ranks, or takes what is there. @returns the losses by step, and the last line of the metrics */
function trained(exchange, seed) {
  const name = `exchange-${exchange}-${seed}`;
  const folder = join(root, 'outputs', `bench-${name}`);
  const earlier = options.reuse ? linesOf(folder) : undefined;
  if (earlier?.length !== steps) {
    const settings = [
      `experiment_name=bench-${name}`,
      `seed=${seed}`,
      `training.gradient_exchange=${exchange}`,
      `training.max_steps=${steps}`,
    ];
    const set = [...SETTINGS, ...settings, ...options.set].flatMap((setting) => ['--set', setting]);
    const command = [
      join(root, 'apps/mdiff/bin/mdiff.js'),
      'train',
      '--preset',
      'quickstart_scratch',
      '--no-sample',
      '--fresh',
      '--yes',
      ...set,
    ];
    const { status } = spawnSync('mpirun', ['-n', String(ranks), '--oversubscribe', process.execPath, ...command], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
    });
    if (status !== 0) throw failure(`the training "${name}" ended with code ${status}; its messages are above`);
  }
  const metrics = linesOf(folder);
  const arm = `${exchange}-${seed}`;
  return { name: arm, label: arm, losses: metrics.map(({ loss }) => loss), last: metrics.at(-1) };
}

const curves = seeds.map((seed) => [trained('float32', seed), trained('bfloat16', seed)]);
const [float32, bfloat16] = [0, 1].map((i) => curves.map((pair) => pair[i]));
const ordered = trained('ordered', seeds[0]);
const arms = [...float32, ...bfloat16, ordered];

const pair = (of, to) => pairOf(of, to, WINDOW);
const changed = bfloat16.map((arm, i) => pair(arm, float32[i]));
const others = float32.flatMap((arm, i) => float32.slice(i + 1).map((other) => pair(other, arm)));
const order = pair(ordered, float32[0]);
const pairs = [...changed, ...others, order];
const noise = noiseOf(changed, others);

console.log(`\n${ranks} ranks, ${steps} steps; held out, nats/token:`);
tellArms(arms);
tellPairs(pairs, WINDOW);
console.log('differences of bfloat16 from float32 at steps, means of the steps before and over the seeds:');
for (let at = WINDOW; at <= steps; at += Math.max(WINDOW, Math.round(steps / 10))) {
  const here = changed.map(({ differences }) => differences[at - WINDOW]);
  console.log(
    `  ${at}: ${(here.reduce((a, b) => a + b, 0) / here.length).toFixed(5)}, largest ${Math.max(...here.map(Math.abs)).toFixed(5)}`,
  );
}
tellNoise(noise, seeds.length);

const result = {
  date: new Date().toISOString(),
  window: WINDOW,
  ranks,
  arms: arms.map((arm) => ({ name: arm.name, ...figuresOf(arm) })),
  pairs: distancesOf(pairs),
  noise,
};
if (options.out) writeTo(options.out, result, 0);
else if (options.set.length === 0 && steps === 500 && ranks === 2 && seeds.join() === SEEDS) writeResult('exchange', result, 0);
process.exitCode = noise.within ? 0 : 1;
