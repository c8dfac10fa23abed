import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { existsSync, openSync, closeSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// What happens to a run that is not its fault: streams that are lost, processes that the system ends, disks that refuse, weights that blow up.

const bin = fileURLToPath(new URL('../../../apps/mdiff/bin/mdiff.js', import.meta.url));

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

const train = (name: string, steps: number, ...more: string[]): string[] => [
  'train',
  place.book,
  ...place.settings(name),
  '--set',
  `training.max_steps=${steps}`,
  ...more,
];
const metrics = (name: string): string => join(place.folder, 'outputs', name, 'metrics.jsonl');

/** Runs the command through its launcher. `act` is called once the run has written a metric line. */
async function run(args: readonly string[], stdio: StdioOptions, act?: (child: ChildProcess) => void, name = '') {
  const child = spawn(process.execPath, [bin, ...args], { cwd: place.folder, detached: true, stdio });
  let err = '';
  child.stderr?.on('data', (text) => (err += String(text)));
  child.stdout?.resume();
  const poll =
    act &&
    setInterval(() => {
      if (!existsSync(metrics(name))) return;
      void readFile(metrics(name), 'utf8').then((text) => {
        if (text === '') return;
        clearInterval(poll);
        act(child);
      });
    }, 50);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(poll);
  return { code, err };
}

/** The process that the launcher has started. */
async function childOf({ pid }: ChildProcess): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')[0]);
}

describe.runIf(process.platform === 'linux')('a lost output stream', () => {
  it('on a full disk is said once, and the run goes on to its model', async () => {
    const full = openSync('/dev/full', 'w');
    const { code, err } = await run(train('full', 4), ['ignore', full, 'pipe']);
    closeSync(full);
    expect(code, err).toBe(0);
    expect(err.match(/cannot write to standard output: disk full \(ENOSPC\); mdiff goes on without it\n/g)).toHaveLength(1);
    expect(existsSync(join(place.folder, 'outputs/full/model/manifest.json'))).toBe(true);
  });

  it('both on a full disk, the run goes on as well', async () => {
    const full = openSync('/dev/full', 'w');
    expect((await run(train('both', 4), ['ignore', full, full])).code).toBe(0);
    closeSync(full);
    expect(existsSync(join(place.folder, 'outputs/both/model/manifest.json'))).toBe(true);
  });

  it('fails the command whose result goes there, with one line', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await run(['config', 'print'], ['ignore', full, 'pipe'])).toEqual({
      code: 1,
      err: 'cannot write to standard output: disk full (ENOSPC); free space and try again\n',
    });
    closeSync(full);
  });

  it('Ctrl-C with 2>&1 | tee: tee ends too; the run saves and exits with 130', async () => {
    const line = `trap : INT; { trap : INT; "$0" "$@"; echo $? > code; } 2>&1 | tee log > /dev/null`;
    const shell = spawn('sh', ['-c', line, process.execPath, bin, ...train('tee', 20_000)], {
      cwd: place.folder,
      detached: true,
      stdio: 'ignore',
    });
    const poll = setInterval(() => {
      if (!existsSync(metrics('tee'))) return;
      clearInterval(poll);
      setTimeout(() => process.kill(-shell.pid!, 'SIGINT'), 1000);
    }, 50);
    await new Promise((resolve) => shell.on('close', resolve));
    expect(await readFile(join(place.folder, 'code'), 'utf8')).toBe('130\n');
    const record = JSON.parse(await readFile(join(place.folder, 'outputs/tee/run.json'), 'utf8')) as { step: number };
    expect(existsSync(join(place.folder, `outputs/tee/checkpoints/step-${String(record.step).padStart(8, '0')}`))).toBe(true);
  });
});

describe.runIf(process.platform === 'linux')('the system', () => {
  it.each([
    ['SIGKILL', 137],
    ['SIGSEGV', 139],
  ] as const)('ends the trainer with %s: the launcher says so in one line and exits with %i', async (signal, status) => {
    const name = signal.toLowerCase();
    const kill = (child: ChildProcess): void => void childOf(child).then((pid) => process.kill(pid, signal));
    const { code, err } = await run(train(name, 20_000), ['ignore', 'pipe', 'pipe'], kill, name);
    expect(code).toBe(status);
    expect(err).toMatch(
      new RegExp(
        `^\\s*mdiff: ${signal} ended the process of this command \\(pid \\d+\\): [^\\n]*; run the command again with --resume\\n$`,
      ),
    );
  });

  it('gives the lock to another process: the old one ends in one line', async () => {
    const lock = join(place.folder, 'outputs/lock/.lock');
    const steal = (): void => void rm(lock, { recursive: true }).then(() => mkdir(lock));
    const { code, err } = await run(train('lock', 20_000), ['ignore', 'pipe', 'pipe'], steal, 'lock');
    expect(code).toBe(1);
    expect(err).toMatch(/^[^\n]*outputs\/lock: another process took over the lock of this folder [^\n]*; run again with --resume\n$/);
  });
});

describe.runIf(process.platform === 'linux')('a disk that refuses', () => {
  const long = 'x'.repeat(300);
  it.each([
    [
      'train',
      ['output_dir=/proc/mdiff/x'],
      /cannot write to \/proc\/mdiff\/x\/[^\n]*: the folder cannot be made \(ENOENT\); [^\n]*--set output_dir=…\n$/,
    ],
    [
      'train',
      ['output_dir=/dev/null/x'],
      /cannot write to \/dev\/null\/x\/[^\n]*\(ENOTDIR\); choose another folder with --set output_dir=…\n$/,
    ],
    ['train', [`output_dir=${long}`], /the name is too long \(ENAMETOOLONG\); choose a shorter experiment_name or output_dir\n$/],
    ['train', ['cache_dir=/dev/null/x'], /\(ENOTDIR\); choose another folder with --set cache_dir=…\n$/],
    ['train', ['cache_dir=/proc/mdiff'], /\(ENOENT\); [^\n]*--set cache_dir=…\n$/],
  ])('%s with %j: one error, at once', async (command, settings, message) => {
    const { code, err } = await run(
      [...train('refused', 2), ...settings.flatMap((setting) => ['--set', setting])].map((arg, i) => (i === 0 ? command : arg)),
      ['ignore', 'pipe', 'pipe'],
    );
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^ +at /m);
    expect(code).toBe(1);
  });

  it.each([
    [['config', 'init', `${long}.yaml`], /\(ENAMETOOLONG\); choose another file\n$/],
    [['config', 'init', '/proc/mdiff/x.yaml'], /its folder does not exist \(ENOENT\); make the folder, or choose another file\n$/],
    [['generate', `/tmp/${long}`], /\(ENAMETOOLONG\); choose another folder\n$/],
    [['embeddings', 'fetch', '--from', `/tmp/${long}`], /ENAMETOOLONG[^\n]*\n$/],
  ])('mdiff %j: one line', async (args, message) => {
    const { code, err } = await run(args, ['ignore', 'pipe', 'pipe']);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(code).not.toBe(0);
  });

  it('a damaged token cache is learnt again', async () => {
    const cache = join(place.folder, 'damaged-cache');
    const args = train('cached', 2, '--set', `cache_dir=${cache}`);
    expect((await run(args, ['ignore', 'pipe', 'pipe'])).code).toBe(0);
    const { readdir } = await import('node:fs/promises');
    const [name] = await readdir(join(cache, 'tokenizers'));
    await writeFile(join(cache, 'tokenizers', name!), '{"sum": "cut o');
    const again = await run([...args, '--fresh'], ['ignore', 'pipe', 'pipe']);
    expect(again.code, again.err).toBe(0);
  });
});

describe('a run that blows up', () => {
  const wild = [
    'training.learning_rate=1',
    'training.max_grad_norm=0',
    'training.beta2=0',
    'training.eps=1e-38',
    'training.warmup_steps=0',
    'model.init_std=1',
  ];
  it.each(['stop', 'skip'])('on_nonfinite %s: ends with one line, and exports nothing', async (policy) => {
    const set = [...wild, `training.on_nonfinite=${policy}`].flatMap((setting) => ['--set', setting]);
    const { code, err } = await run(train(`wild-${policy}`, 300, ...set), ['ignore', 'pipe', 'pipe']);
    expect(code).toBe(1);
    expect(err).toMatch(/lower training\.learning_rate and run again with --resume[^\n]*; --resume goes on from step \d+[^\n]*\n$/);
    expect(existsSync(join(place.folder, `outputs/wild-${policy}/model`))).toBe(false);
  });
});
