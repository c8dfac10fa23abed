import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command, workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// The command as people and supervisors start it: bin/mdiff.js, which in a checkout runs the sources in a child process.

const bin = fileURLToPath(new URL('../../../apps/mdiff/bin/mdiff.js', import.meta.url));

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

const launchers: ChildProcess[] = [];
// Each launcher leads a group, so this ends its child as well, should a test have failed.
afterEach(() => {
  for (const { pid } of launchers.splice(0)) {
    try {
      process.kill(-pid!, 'SIGKILL');
    } catch {
      // all have ended
    }
  }
});

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Resolves when the launcher and its child have closed their output, which means that both have ended. */
function start(args: readonly string[], watch?: (launcher: ChildProcess, out: string) => void): Promise<Ended> {
  const launcher = spawn(process.execPath, [bin, ...args], { cwd: place.folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  launchers.push(launcher);
  let [out, err] = ['', ''];
  launcher.stdout.on('data', (text) => {
    out += String(text);
    watch?.(launcher, out);
  });
  launcher.stderr.on('data', (text) => (err += String(text)));
  return new Promise((resolve) => launcher.on('close', (code, signal) => resolve({ code, signal, out, err })));
}

/** Calls `act` when the command has printed step 10. */
function atStepTen(act: (launcher: ChildProcess) => void): (launcher: ChildProcess, out: string) => void {
  let done = false;
  return (launcher, out) => {
    if (done || !/step +10\/20000/.test(out)) return;
    done = true;
    act(launcher);
  };
}

// Far more steps than a test waits for, so that no run ends by itself.
const train = (name: string): string[] => ['train', place.book, ...place.settings(name), '--set', 'training.max_steps=20000'];
const state = async (name: string): Promise<{ state: string; step: number }> =>
  JSON.parse(await readFile(join(place.folder, 'outputs', name, 'run.json'), 'utf8')) as { state: string; step: number };

describe.runIf(process.platform !== 'win32')('mdiff train through its launcher', () => {
  const interrupts: [string, string, (launcher: ChildProcess) => void][] = [
    ['SIGINT to the launcher alone', 'alone', (launcher) => launcher.kill('SIGINT')],
    ['SIGINT to both, as a terminal sends it', 'group', (launcher) => process.kill(-launcher.pid!, 'SIGINT')],
  ];
  it.each(interrupts)('%s: saves once and exits with 130', async (_title, name, act) => {
    const ended = await start(train(name), atStepTen(act));
    expect(ended.code, ended.err).toBe(130);
    expect(ended.err.match(/stopping after this step/g)).toHaveLength(1);
    const saved = Number(/saved at step (\d+) of 20000; go on with: .*--resume/.exec(ended.out)?.[1]);
    expect(saved).toBeGreaterThanOrEqual(10);
    expect((await state(name)).step).toBe(saved);
  });

  it('SIGKILL to the launcher: the child saves and ends, and the run can be resumed', async () => {
    const killed = await start(
      train('orphan'),
      atStepTen((launcher) => void launcher.kill('SIGKILL')),
    );
    expect(killed.signal).toBe('SIGKILL');
    const saved = Number(/saved at step (\d+) of 20000/.exec(killed.out)?.[1]);
    expect(saved).toBeGreaterThanOrEqual(10);
    // "Within a step": what it has printed after step 10 is little more than what was under way when the signal was sent.
    expect(saved).toBeLessThan(100);
    const resumed = await start(
      [...train('orphan'), '--resume'],
      (launcher, out) => void (!launcher.killed && /step +\d+\/20000/.test(out) && launcher.kill('SIGINT')),
    );
    expect(resumed.code, resumed.err).toBe(130);
    expect(/step +(\d+)\/20000/.exec(resumed.out)?.[1]).toBe(String(saved + 1));
  });

  it('a reader that closes standard output: saves, exits with 130, and shows no stack', async () => {
    const ended = await start(
      train('head'),
      atStepTen((launcher) => void launcher.stdout!.destroy()),
    );
    expect(ended.code, ended.err).toBe(130);
    expect(ended.err).toMatch(/^\s*stopping after this step[^\n]*\n$/);
    expect((await state('head')).step).toBeGreaterThanOrEqual(10);
  });
});

describe('other commands', () => {
  it.runIf(process.platform !== 'win32').each([
    ['mdiff config print --json', ['config', 'print', '--json']],
    ['mdiff engine list', ['engine', 'list']],
  ])('%s into a reader that has gone ends with 0 and prints nothing else', async (_title, args) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: place.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.on('data', (text) => (err += String(text)));
    child.stdout.destroy();
    expect([await new Promise((resolve) => child.on('close', resolve)), err]).toEqual([0, '']);
  });

  it("an app's usage errors end with 2, its help with 0", () => {
    const run = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { cwd: place.folder, encoding: 'utf8' });
    expect(run('train', '--nope')).toMatchObject({ status: 2, stderr: "error: unknown option '--nope'\n" });
    expect(run('train', '--help')).toMatchObject({ status: 0, stderr: '' });
  });

  // Both runtimes are CommonJS or load CommonJS parts, so Node's module cache names them when the process ends.
  const spy =
    'import m from "node:module"; process.on("exit", () => { const files = Object.keys(m._cache); process.stderr.write(`RUNTIMES ${files.filter((file) => /tensorflow|onnxruntime/.test(file)).length} of ${files.length}\\n`); });';
  const spied = (...args: string[]) =>
    spawnSync(process.execPath, [...command, ...args], {
      cwd: place.folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(spy).toString('base64')}` },
    });

  it('mdiff data inspect loads no tensor runtime', () => {
    const inspected = spied('data', 'inspect', place.book);
    expect(inspected.status, inspected.stderr).toBe(0);
    expect(inspected.stdout).toMatch(/^ {2}tokens /m);
    expect(inspected.stderr).toMatch(/RUNTIMES 0 of [1-9]/);
    // The same look at a command that computes does find them: the pattern has teeth.
    const listed = spied('engine', 'list');
    expect(listed.status, listed.stderr).toBe(0);
    expect(listed.stderr).toMatch(/RUNTIMES [1-9]/);
  });
});
