// Runs on several ranks with the MPI of this machine: `mdiff engine install mpi` and its faults, the same losses on 2, 3 and 4 ranks as on one,
// ranks that die, hang or differ, a full disk. Usage: node checks/mpi/suite.mjs <scratch folder>
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { execute, root, sourceFlags } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { onlyPath } from '../path.mjs';

const scratch = resolve(process.argv[2]);
const cache = join(scratch, 'cache');
mkdirSync(scratch, { recursive: true });
const { check, step, end } = counter();

const entry = join(root, 'apps/mdiff/bin/mdiff.js');
// Root may run mpirun in a container, and four ranks on two cores.
const asRoot = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
const mdiff = (args, env = {}) => execute(process.execPath, [entry, ...args], { output: 'keep', env });
const install = (folder, env = {}, ...flags) => mdiff(['engine', 'install', 'mpi', '--set', `cache_dir=${folder}`, ...flags], env);

const only = (...names) => onlyPath(scratch, ...names);
const lastLine = ({ text }) => text.trimEnd().split('\n').at(-1);
const says = (ended, code, pattern) =>
  ended.code === code && pattern.test(lastLine(ended)) && !/\n\s+at /.test(ended.text)
    ? ''
    : `exit code ${ended.code}; expected ${pattern}:\n${ended.text}`;

await step('install: without mpicc one line says what to install', async () =>
  says(
    await install(join(scratch, 'none'), { PATH: only('sh') }),
    1,
    /needs the C compiler of an MPI, and mpicc does not run \(it is not there\); install MPI/,
  ),
);
await step('install: without a C compiler behind mpicc, too', async () =>
  says(await install(join(scratch, 'none'), { PATH: only('mpicc', 'opal_wrapper') }), 1, /mpicc does not run \(.*gcc.*\); install MPI/),
);
await step('install: what failed leaves no addon', () =>
  existsSync(join(scratch, 'none/engines')) && readdirSync(join(scratch, 'none/engines')).some((name) => !name.endsWith('.part'))
    ? 'it does'
    : '',
);
await step('install: makes the addon', async () => says(await install(cache), 0, /^made: .*engines\/mpi-2-/));
await step('install: a second time it is there, and needs no compiler', async () =>
  says(await install(cache, { PATH: only('sh') }), 0, /^already there: /),
);
await step('install: another engine is refused', async () =>
  says(await mdiff(['engine', 'install', 'jax']), 2, /expected "tensorflow" or "mpi", got "jax"/),
);
await step('its arithmetic has the bits of JavaScript', async () => {
  const addon = join(
    cache,
    'engines',
    readdirSync(join(cache, 'engines')).find((name) => name.startsWith('mpi-')),
    'mpi.node',
  );
  const { code, text } = await execute(process.execPath, [...sourceFlags(), join(root, 'checks/mpi/arithmetic.mjs'), addon], {
    output: 'keep',
  });
  return code === 0 ? '' : text;
});
await step('list shows it', async () => {
  const { text } = await mdiff(['engine', 'list', '--set', `cache_dir=${cache}`]);
  return /^mpi +installed +.*mpi\.node$/m.test(text) ? '' : text;
});

const book = join(scratch, 'book.txt');
writeFileSync(
  book,
  Array.from(
    { length: 150 },
    (_, i) => `Whale ${(i * 7919) % 1000} swam ${i % 13} miles through the cold sea, and the men of ship ${i % 7} saw it.`,
  ).join('\n\n'),
);
const config = join(scratch, 'micro.json');
writeFileSync(
  config,
  JSON.stringify({
    engine: 'onnxruntime',
    device: 'cpu',
    cache_dir: cache,
    output_dir: join(scratch, 'outputs'),
    reports: [],
    hardware: { cpu_threads: 1 },
    model: { d_model: 16, n_layers: 1, n_heads: 2, d_ff: 32, vocab_size: 300, max_seq_len: 48, dropout: 0.1 },
    curriculum: {
      stages: [{ name: 'text', epochs: 2, masking_rate_range: [0.05, 1], data_selection: 'all', format_type: 'paragraphs' }],
      transition_epochs: 0,
    },
    training: {
      ...{ batch_size: 1, max_steps: 6, eval_every: 3, save_every: 3, log_every: 1, patience: 0, warmup_steps: 1, ema_decay: 0.9 },
      ...{ use_mixed_precision: false, use_gradient_checkpointing: false, dataloader_num_workers: 0, val_batch_size: 2 },
    },
  }),
);

const trainArgs = (name, set = [], flags = []) => [
  ...['train', book, '-c', config, '--no-sample', ...flags],
  ...[`experiment_name=${name}`, ...set].flatMap((one) => ['--set', one]),
];
const mpirun = ['-n', '1', '--oversubscribe', '--mca', 'btl_vader_single_copy_mechanism', 'none'];
/** mpirun with one program for each list of arguments, as many ranks as there are. */
const ranksArgs = (programs) => [
  ...mpirun.slice(2),
  ...programs.flatMap((args, i) => [...(i > 0 ? [':'] : []), '-n', '1', process.execPath, entry, ...args]),
];
const onRanks = (programs) => execute('mpirun', ranksArgs(programs), { output: 'keep', env: asRoot });
const same = (n, args) => Array.from({ length: n }, () => args);

const metrics = (name) =>
  readFileSync(join(scratch, 'outputs', name, 'metrics.jsonl'), 'utf8').replace(/"tokens_per_s":[\d.]+/g, '"tokens_per_s":0');
const weights = (name) => readFileSync(join(scratch, 'outputs', name, 'model/model.safetensors'));

const alone = await mdiff(trainArgs('alone', ['training.gradient_accumulation_steps=12']));
check('one rank trains', alone.code === 0 ? '' : alone.text);
for (const n of [2, 3, 4]) {
  await step(`${n} ranks: the losses and weights of one rank with as many batches, to the bit`, async () => {
    const { code, text } = await onRanks(same(n, trainArgs(`ranks-${n}`, [`training.gradient_accumulation_steps=${12 / n}`])));
    if (code !== 0) return text;
    if (metrics(`ranks-${n}`) !== metrics('alone')) return `${metrics('alone')}\n${metrics(`ranks-${n}`)}`;
    return weights(`ranks-${n}`).equals(weights('alone')) ? '' : 'the weights differ';
  });
}
for (const [exchange, tolerance] of [
  ['float32', 1e-4],
  ['bfloat16', 2e-2],
]) {
  await step(`3 ranks with ${exchange}: the losses within ${tolerance}`, async () => {
    const set = ['training.gradient_accumulation_steps=4', `training.gradient_exchange=${exchange}`];
    const { code, text } = await onRanks(same(3, trainArgs(exchange, set)));
    if (code !== 0) return text;
    const losses = (name) =>
      metrics(name)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).loss);
    const apart = Math.max(...losses(exchange).map((loss, i) => Math.abs(loss - losses('alone')[i])));
    return apart < tolerance ? '' : `${apart}`;
  });
}

await step('ranks with different configurations refuse to start', async () => {
  const { code, text } = await onRanks([trainArgs('other'), trainArgs('other', ['training.beta2=0.9'])]);
  return code !== 0 && /^training\.beta2: rank 1 \(host .*\) has 0\.9 and rank 0 0\.95: give every rank the same configuration$/m.test(text)
    ? ''
    : text;
});
await step('a mistake in the configuration is shown once', async () => {
  const { code, text } = await onRanks(same(2, trainArgs('wrong', ['training.beta2=9'])));
  return code !== 0 && text.match(/training\.beta2/g)?.length === 1 ? '' : text;
});
await step('without the addon a run on ranks says how to get it', async () => {
  const { code, text } = await onRanks(same(2, [...trainArgs('bare'), '--set', `cache_dir=${join(scratch, 'bare')}`]));
  return code !== 0 && /Open MPI started 2 ranks, and mdiff has no MPI in .*: run "mdiff engine install mpi"/.test(text) ? '' : text;
});
await step('a disk that refuses rank 0 ends all ranks with one line', async () => {
  const outputs = join(scratch, 'refused');
  writeFileSync(outputs, 'a file, where a folder is needed');
  const began = Date.now();
  const { code, text } = await onRanks(same(3, trainArgs('full', [`output_dir=${outputs}`])));
  return code !== 0 && /cannot .*refused/.test(text) && Date.now() - began < 60_000 ? '' : text;
});

/** The process of a rank that computes, which the launcher in bin/mdiff.js has started; `argument` stands in its command. */
function processOf(rank, argument) {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const [environment, command] = ['environ', 'cmdline'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0'));
      const isRank = environment.includes(`OMPI_COMM_WORLD_RANK=${rank}`) && command.includes(argument);
      if (isRank && !command.includes(entry)) return Number(pid);
    } catch {
      // it has ended meanwhile
    }
  }
  throw new Error(`no process of rank ${rank}`);
}

/** Runs a command on ranks; once `ready`, does `act`, and measures the time to the end. */
async function disturbed(programs, { ready, act }) {
  const child = spawn('mpirun', ranksArgs(programs), {
    env: { ...process.env, ...asRoot },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let sent;
  const timer = setInterval(() => {
    if (sent !== undefined || !ready()) return;
    sent = Date.now();
    act();
  }, 100);
  child.stdout.on('data', (data) => (text += data));
  child.stderr.on('data', (data) => (text += data));
  const limit = setTimeout(() => child.kill('SIGKILL'), 300_000);
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(timer);
  clearTimeout(limit);
  return { code, text, seconds: (Date.now() - sent) / 1000 };
}
/** Steps that a run has recorded. */
const stepsIn = (folder) => {
  const file = join(folder, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};
const long = ['training.max_steps=100000', 'training.save_every=0', 'training.eval_every=0'];
/** Trains on three ranks, sends rank 2 a signal once steps are running, and measures the time to the end. */
const faulty = (name, signal) =>
  disturbed(same(3, trainArgs(name, long)), {
    ready: () => stepsIn(join(scratch, 'outputs', name)) > 2,
    act: () => process.kill(processOf(2, `experiment_name=${name}`), signal),
  });
await step('a rank that is killed ends the job within 30 s, by name', async () => {
  const { code, text, seconds } = await faulty('killed', 'SIGKILL');
  console.log(`       ${seconds.toFixed(1)} s`);
  return code !== 0 && seconds < 30 && /rank 2/.test(text) ? '' : `${seconds} s, exit code ${code}\n${text.slice(-3000)}`;
});
await step('a rank that hangs ends the job within 30 s, by name', async () => {
  const { code, text, seconds } = await faulty('hung', 'SIGSTOP');
  console.log(`       ${seconds.toFixed(1)} s`);
  return code !== 0 && seconds < 30 && /^rank 2 \(host .*\) has not been heard for \d+ s: .*--resume$/m.test(text)
    ? ''
    : `${seconds} s, exit code ${code}\n${text.slice(-3000)}`;
});

const study = (kind, name, ...flags) => [
  ...[kind, book, '-c', config, '--out', join(scratch, name), ...flags],
  ...['training.save_every=0', 'training.eval_every=0'].flatMap((one) => ['--set', one]),
];
// Long enough to be stopped in the middle.
const compare = (name) => study('compare', name, '--arms', 'uniform,single,no-masks', '--seeds', '1', '--steps', '1000');
const tune = (name) =>
  study('tune', name, '--search', 'training.learning_rate=log:1e-4..1e-2', '--trials', '4', '--rounds', '2', '--steps', '30');
const recordOf = (name, kind) => readFileSync(join(scratch, name, `${kind}.json`), 'utf8');
/** The table that rank 0 prints, without what comes on standard error. */
const tableIn = ({ text }) => text.match(/^(arm|trial) [^]*(?=^held out|^# the best)/m)?.[0] ?? text;

const compared = await mdiff(compare('compared'));
check('one process compares', compared.code === 0 ? '' : compared.text);
const tuned = await mdiff(tune('tuned'));
check('one process searches', tuned.code === 0 ? '' : tuned.text);
for (const [kind, args, alone, whole] of [
  ['compare', compare, compared, 'compared'],
  ['tune', tune, tuned, 'tuned'],
]) {
  await step(`${kind} on 3 ranks: the table and the record of one process, to the bit; each rank has trained`, async () => {
    const ended = await onRanks(same(3, args(`${kind}-3`)));
    if (ended.code !== 0 || tableIn(ended) !== tableIn(alone)) return ended.text;
    if (recordOf(`${kind}-3`, kind) !== recordOf(whole, kind)) return 'the records differ';
    return ['on rank 1', 'on rank 2'].every((name) => ended.text.includes(name)) ? '' : ended.text;
  });
}
const runsOf = (name) => (existsSync(join(scratch, name)) ? readdirSync(join(scratch, name)).filter((one) => /seed/.test(one)) : []);
const running = (name, runs) => runsOf(name).filter((run) => stepsIn(join(scratch, name, run)) > 2).length >= runs;
await step('compare saves on all ranks when it is asked to stop', async () => {
  const { code, text } = await disturbed(same(2, compare('stopped')), {
    ready: () => running('stopped', 2),
    // Not mpirun: it passes the signal on after its time for SIGKILL, and kills after as much again.
    act: () => process.kill(processOf(0, join(scratch, 'stopped')), 'SIGTERM'),
  });
  // Nothing but the stop saves a run here.
  const steps = runsOf('stopped').map((run) => JSON.parse(readFileSync(join(scratch, 'stopped', run, 'run.json'), 'utf8')).step);
  const saved = steps.length >= 2 && steps.every((saved) => saved > 0);
  return code !== 0 && saved && text.includes('interrupted; the same command goes on') ? '' : `exit code ${code}, steps ${steps}\n${text}`;
});
await step('compare goes on on 3 ranks; a rank that is killed ends it, by name', async () => {
  const before = new Set(runsOf('stopped'));
  const { code, text, seconds } = await disturbed(same(3, compare('stopped')), {
    ready: () => runsOf('stopped').some((run) => !before.has(run) && stepsIn(join(scratch, 'stopped', run)) > 2),
    act: () => process.kill(processOf(2, join(scratch, 'stopped')), 'SIGKILL'),
  });
  return code !== 0 && seconds < 30 && /rank 2/.test(text) ? '' : `${seconds} s, exit code ${code}\n${text}`;
});
await step('the same command ends it with the record of one process, to the bit', async () => {
  const { code, text } = await onRanks(same(2, compare('stopped')));
  if (code !== 0) return text;
  return recordOf('stopped', 'compare') === recordOf('compared', 'compare') ? '' : 'the records differ';
});

// The commands of the guide, in a folder of their own; .ci/run has installed MPI. A stand-in for npx starts this checkout. checks/replicas runs the serving.
const [guide] = readFileSync(join(root, 'docs/several-machines.md'), 'utf8').split('\n## Serve');
const commands = [...guide.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block.trim().split('\n'));
const folder = join(scratch, 'guide');
mkdirSync(join(folder, 'bin'), { recursive: true });
copyFileSync(book, join(folder, 'book.txt'));
writeFileSync(join(folder, 'bin/npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${entry}" "$@"\n`, { mode: 0o755 });
const env = { ...asRoot, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`, OMPI_MCA_rmaps_base_oversubscribe: '1' };
for (const command of commands) {
  await step(`the guide: ${command}`, async () => {
    const { code, text } = await execute('sh', ['-c', command], { output: 'keep', cwd: folder, env });
    return code === 0 ? '' : text;
  });
}
check('the guide has commands', commands.length > 1 ? '' : commands.join('\n'));

end();
