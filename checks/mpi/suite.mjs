// Runs on several ranks with the MPI of this machine: `mdiff engine install mpi` and its faults, the same losses on 2, 3 and 4 ranks as on one,
// ranks that differ, die, hang or run out of memory, a full disk. Usage: node checks/mpi/suite.mjs <scratch folder>
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { execute, root, sourceFlags } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';
import { onlyPath } from '../path.mjs';
import { checkFaults } from './faults.mjs';
import { asRoot, entry, job, mdiff, onRanks, processOf, same, stepsIn } from './job.mjs';
import { checkPreparation } from './preparation.mjs';

const scratch = resolve(process.argv[2]);
const count = counter();
const { check, step, end } = count;
const work = job(scratch);
const { book, cache, config, trainArgs, metrics, weights } = work;
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

await checkPreparation(work, count);
await checkFaults(work, count);

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
  const { code, text } = await onRanks(same(2, compare('stopped')), {
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
  const { code, text, seconds } = await onRanks(same(3, compare('stopped')), {
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
