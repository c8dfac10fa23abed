import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// Faults that come from outside a run: streams that are lost, processes that the system ends, disks that refuse, weights that blow up.
// Each fault is a real one. The words for every other error of the system have their tests in packages/folder/src/disk.test.ts.

const bin = fileURLToPath(new URL('../../../apps/mdiff/bin/mdiff.js', import.meta.url));

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

const groups: number[] = [];
// Ends what a failed test has left: each command leads a group.
afterEach(() => {
  for (const pid of groups.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // all have ended
    }
  }
});

// Far more steps than a test waits for, so that no run ends by itself.
const endless = 20_000;
const train = (name: string, steps: number, ...settings: string[]): string[] => [
  'train',
  place.book,
  ...place.settings(name),
  ...['model.d_model=32', 'model.n_layers=1', `training.max_steps=${steps}`, ...settings].flatMap((setting) => ['--set', setting]),
  '--no-sample',
];
const output = (...path: string[]): string => join(place.folder, 'outputs', ...path);

/** Calls `act` once the run has trained a step. */
async function onceTrained(name: string, ended: Promise<unknown>, act: () => unknown): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  const metrics = output(name, 'metrics.jsonl');
  while (!over && (!existsSync(metrics) || (await readFile(metrics, 'utf8')) === ''))
    await new Promise((resolve) => setTimeout(resolve, 50));
  if (!over) await act();
}

/** Starts the command through its launcher, in a process group of its own. */
function start(args: readonly string[], stdio: StdioOptions = ['ignore', 'pipe', 'pipe']) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: place.folder, detached: true, stdio });
  groups.push(child.pid!);
  let err = '';
  child.stderr?.on('data', (text) => (err += String(text)));
  child.stdout?.resume();
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => child.on('close', (code) => resolve({ code, err })));
  return { child, ended };
}

/** The process that the launcher has started. */
async function childOf({ pid }: ChildProcess): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')[0]);
}

/** Standard output goes to a disk that is full. */
async function ontoFullDisk(args: readonly string[]): Promise<{ code: number | null; err: string }> {
  const full = openSync('/dev/full', 'w');
  try {
    return await start(args, ['ignore', full, 'pipe']).ended;
  } finally {
    closeSync(full);
  }
}

describe.runIf(process.platform === 'linux')('a lost output stream', () => {
  it('on a full disk is said once, and the run goes on to its model', async () => {
    const { code, err } = await ontoFullDisk(train('full', 2));
    expect(code, err).toBe(0);
    expect(err.match(/cannot write to standard output: disk full \(ENOSPC\); mdiff goes on without it\n/g)).toHaveLength(1);
    expect(existsSync(output('full', 'model', 'manifest.json'))).toBe(true);
  });

  it('fails the command whose result goes there, with one line', async () => {
    expect(await ontoFullDisk(['config', 'print'])).toEqual({
      code: 1,
      err: 'cannot write to standard output: disk full (ENOSPC); free space and try again\n',
    });
  });

  it('Ctrl-C with 2>&1 | tee: tee ends too; the run saves and exits with 130', async () => {
    const line = `trap : INT; { trap : INT; "$0" "$@"; echo $? > code; } 2>&1 | tee log > /dev/null`;
    const shell = spawn('sh', ['-c', line, process.execPath, bin, ...train('tee', endless)], {
      cwd: place.folder,
      detached: true,
      stdio: 'ignore',
    });
    groups.push(shell.pid!);
    const ended = new Promise((resolve) => shell.on('close', resolve));
    await onceTrained('tee', ended, () => process.kill(-shell.pid!, 'SIGINT'));
    await ended;
    expect(await readFile(join(place.folder, 'code'), 'utf8')).toBe('130\n');
    const { step } = JSON.parse(await readFile(output('tee', 'run.json'), 'utf8')) as { step: number };
    expect(step).toBeGreaterThan(0);
    expect(existsSync(output('tee', 'checkpoints', `step-${String(step).padStart(8, '0')}`))).toBe(true);
  });
});

describe.runIf(process.platform === 'linux')('the system', () => {
  it('ends the trainer for want of memory: the launcher says so in one line and exits with 137', async () => {
    const { child, ended } = start(train('killed', endless));
    await onceTrained('killed', ended, async () => process.kill(await childOf(child), 'SIGKILL'));
    const { code, err } = await ended;
    expect(code).toBe(137);
    expect(err).toMatch(
      /^\s*mdiff: SIGKILL ended the process of this command \(pid \d+\): most likely because memory ran out; [^\n]*; run the command again with --resume\n$/,
    );
  });

  it('gives the lock to another process: the old one ends in one line', async () => {
    const lock = output('lock', '.lock');
    const { ended } = start(train('lock', endless));
    await onceTrained('lock', ended, async () => {
      await rm(lock, { recursive: true });
      await mkdir(lock);
    });
    const { code, err } = await ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^[^\n]*outputs\/lock: another process took over the lock of this folder [^\n]*; run again with --resume\n$/);
  });
});

describe.runIf(process.platform === 'linux')('a folder that cannot exist', () => {
  it.each([
    [
      train.bind(undefined, 'refused', 2, 'output_dir=/proc/mdiff/x'),
      1,
      /cannot write to \/proc\/mdiff\/x\/[^\n]*: the folder cannot be made \(ENOENT\); [^\n]*--set output_dir=…\n$/,
    ],
    [train.bind(undefined, 'refused', 2, 'cache_dir=/proc/mdiff'), 1, /\(ENOENT\); [^\n]*--set cache_dir=…\n$/],
    [() => ['config', 'init', '/proc/mdiff/x.yaml'], 1, /its folder does not exist \(ENOENT\); make the folder, or choose another file\n$/],
  ])('ends the command at once, with one error (%#)', async (args, status, message) => {
    const { code, err } = await start(args()).ended;
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^ +at /m);
    expect(code).toBe(status);
  });
});

describe('a run that blows up', () => {
  it('ends with one line, and exports nothing', async () => {
    const wild = ['training.learning_rate=1', 'training.max_grad_norm=0', 'training.beta2=0', 'training.eps=1e-38', 'model.init_std=1'];
    const { code, err } = await start(train('wild', endless, ...wild, 'training.warmup_steps=0', 'training.on_nonfinite=skip')).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/lower training\.learning_rate and run again with --resume[^\n]*; --resume goes on from step \d+[^\n]*\n$/);
    expect(existsSync(output('wild', 'model'))).toBe(false);
  });
});
