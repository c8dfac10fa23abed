// Faults that must end a job on all ranks with one line that names the rank, and differences at which ranks must refuse to start.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bookOf, mdiff, onRanks, processOf, same, stepsIn } from './job.mjs';

export async function checkFaults({ scratch, trainArgs, folderOf, metrics, weights }, { step }) {
  await step('ranks with different configurations refuse to start', async () => {
    const { code, text } = await onRanks([trainArgs('other'), trainArgs('other', ['training.beta2=0.9'])]);
    return code !== 0 &&
      /^training\.beta2: rank 1 \(host .*\) has 0\.9 and rank 0 0\.95: give every rank the same configuration$/m.test(text)
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
  await step('ranks with different versions refuse to start', async () => {
    // A stand-in for another installation: this rank reads another version in the package.json of @mdiff/train.
    const older = join(scratch, 'older.cjs');
    writeFileSync(
      older,
      `const fs = require('node:fs');
const read = fs.readFileSync;
fs.readFileSync = (path, ...options) => (/packages.train.package\\.json$/.test(String(path)) ? '{"version":"0.0.1"}' : read(path, ...options));
require('node:module').syncBuiltinESMExports();\n`,
    );
    const { code, text } = await onRanks(same(2, trainArgs('versions')), { as: { 1: ['env', `NODE_OPTIONS=--require ${older}`] } });
    const line = /^rank 1 \(host .*\) runs mdiff 0\.0\.1 and rank 0 mdiff \d.*: install the same version on every machine$/gm;
    return code !== 0 && text.match(line)?.length === 1 ? '' : text;
  });
  await step('ranks with different texts refuse to start', async () => {
    const source = join(scratch, 'other.txt');
    writeFileSync(source, bookOf(150, 1));
    const { code, text } = await onRanks([trainArgs('texts'), trainArgs('texts', [], { source })]);
    const line =
      /^rank 1 \(host .*\) has prepared another text than rank 0: give every machine the same files \(data\.source\) and the same cache$/gm;
    return code !== 0 && text.match(line)?.length === 1 ? '' : text;
  });
  await step('a disk that refuses rank 0 ends all ranks with one line', async () => {
    const outputs = join(scratch, 'refused');
    writeFileSync(outputs, 'a file, where a folder is needed');
    const began = Date.now();
    const { code, text } = await onRanks(same(3, trainArgs('full', [`output_dir=${outputs}`])));
    return code !== 0 && /cannot .*refused/.test(text) && Date.now() - began < 60_000 ? '' : text;
  });

  const long = ['training.max_steps=100000', 'training.save_every=0', 'training.eval_every=0'];
  /** Trains on three ranks, sends rank 2 a signal once steps are running, and measures the time to the end. */
  const faulty = (name, signal) =>
    onRanks(same(3, trainArgs(name, long)), {
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
  await step('a rank that runs out of memory ends the job within 30 s, by name', async () => {
    // A rank that leaks, in a container without an OOM killer: from the moment that the file is there it keeps objects, and no page is given to it.
    const begin = join(scratch, 'leak');
    const leak = join(scratch, 'leak.cjs');
    writeFileSync(
      leak,
      `const kept = [];
const leak = () => require('node:fs').existsSync(${JSON.stringify(begin)}) && kept.push(Array.from({ length: 100_000 }, (_, i) => ({ i })));
if (/dist.main\\.js$|src.main\\.ts$/.test(process.argv[1]) && require('node:worker_threads').isMainThread) setInterval(leak, 5);\n`,
    );
    const { code, text, seconds } = await onRanks(same(3, trainArgs('memory', long)), {
      as: { 2: ['env', `NODE_OPTIONS=--require ${leak}`] },
      ready: () => stepsIn(folderOf('memory')) > 2,
      act: () => {
        execFileSync('prlimit', [`--pid=${processOf(2, 'experiment_name=memory')}`, '--as=1']);
        writeFileSync(begin, '');
      },
    });
    console.log(`       ${seconds.toFixed(1)} s`);
    // V8 gives up and the launcher of the rank says so, or an allocation fails in native code and the rank itself says so.
    const named = /^.*rank 2\b.*(?:memory ran out|alloc).*--resume$/im.test(text);
    return code !== 0 && seconds < 30 && named ? '' : `${seconds} s, exit code ${code}\n${text.slice(-3000)}`;
  });
  await step('a disk that is full (ENOSPC) on rank 0 ends the job on all ranks within 30 s', async () => {
    const disk = join(scratch, 'disk');
    const folder = join(disk, 'full');
    const metricsFile = join(folder, 'metrics.jsonl');
    mkdirSync(disk, { recursive: true });
    const mounted = mountSmall(disk);
    const saves = `training.save_every=${mounted ? 20 : 0}`;
    const fill = () => {
      rmSync(metricsFile);
      symlinkSync('/dev/full', metricsFile);
    };
    try {
      const { code, text, seconds } = await onRanks(same(3, trainArgs('full', [...long, saves, `output_dir=${disk}`])), {
        ready: () => stepsIn(folder) > 2,
        act: mounted ? undefined : fill,
      });
      console.log(`       ${seconds.toFixed(1)} s, on ${mounted ? 'a small tmpfs' : '/dev/full, as this user may not mount'}`);
      const lines = text.match(/cannot write to .*disk full \(ENOSPC\).*--resume$/gm);
      return code !== 0 && seconds < 30 && lines?.length === 1 ? '' : `${seconds} s, exit code ${code}\n${text.slice(-3000)}`;
    } finally {
      if (mounted) execFileSync('umount', [disk]);
      else rmSync(metricsFile, { force: true });
    }
  });
  await step('a run of 3 ranks goes on with --resume on 2, with the losses and weights of one process, to the bit', async () => {
    const set = (ranks) => [
      'training.max_steps=150',
      'training.eval_every=0',
      'training.save_every=0',
      `training.gradient_accumulation_steps=${3 / ranks}`,
    ];
    const alone = await mdiff(trainArgs('resumed-1', set(1)));
    if (alone.code !== 0) return alone.text;
    const stopped = await onRanks(same(3, trainArgs('resumed', set(3))), {
      ready: () => stepsIn(folderOf('resumed')) > 2,
      // Not mpirun: it passes the signal on after its time for SIGKILL, and kills after as much again.
      act: () => process.kill(processOf(0, 'experiment_name=resumed'), 'SIGTERM'),
    });
    const saved = stepsIn(folderOf('resumed'));
    if (saved === 0 || saved >= 150 || !/saved at step \d+ of 150/.test(stopped.text)) return `${saved} steps\n${stopped.text}`;
    const { code, text } = await onRanks(same(2, ['train', folderOf('resumed'), '--resume', '--no-sample']));
    if (code !== 0 || !text.includes('this run began on 3 ranks with 3 batches a step: a step stays as it is, and 2 ranks share it'))
      return text;
    if (metrics('resumed') !== metrics('resumed-1')) return `the losses differ: ${text}`;
    return weights('resumed').equals(weights('resumed-1')) ? '' : 'the weights differ';
  });
}

/** Mounts a tmpfs of half a megabyte. @returns whether this user may */
function mountSmall(folder) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
