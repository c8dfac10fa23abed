import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { launch } from './launch.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-launch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const script = (text: string): [string, string[]] => [process.execPath, ['-e', text]];
const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

describe('launch', () => {
  it('gives the child the variables, and passes its exit code on', async () => {
    const to = join(folder, 'seen');
    const text = `require('fs').writeFileSync(${JSON.stringify(to)}, process.env.ONE + process.env.TWO); process.exit(3)`;
    expect(await launch(...script(text), { ...process.env, ONE: 'a', TWO: 'b' })).toBe(3);
    expect(await readFile(to, 'utf8')).toBe('ab');
  });

  it('counts a signal that ends the child as a shell does', async () => {
    expect(await launch(...script('process.kill(process.pid, "SIGKILL")'))).toBe(137);
  });

  it('passes signals on, and listens no longer than the child lives', async () => {
    const listeners = (): number[] => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => process.listenerCount(signal));
    const before = listeners();
    const ready = join(folder, 'ready');
    const text = `import(${module('signals.js')}).then((signals) => { signals.followLauncher(); signals.onStopSignal((signal) => signal === 'SIGTERM' && process.exit(7));
      require('fs').writeFileSync(${JSON.stringify(ready)}, ''); setInterval(() => {}, 1000); })`;
    const ended = launch(...script(text));
    await vi.waitUntil(() => existsSync(ready), { timeout: 30_000, interval: 10 });
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGTERM', 'SIGTERM');
    expect(await ended).toBe(7);
    expect(listeners()).toEqual(before);
  });

  it('says when there is nothing to start', async () => {
    await expect(launch(join(folder, 'nothing'), [])).rejects.toThrow('ENOENT');
  });
});

// Real processes: a launcher, in a group of its own as a terminal's shell would make it, and its child (or a second launcher between them).
describe.runIf(process.platform !== 'win32')('a launched command', () => {
  const children: ChildProcess[] = [];
  const pids: number[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const pid of pids.splice(0)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended, as it should
      }
    }
  });

  let launcher: string;
  let command: string;
  let idle: string;
  beforeAll(async () => {
    launcher = join(folder, 'launcher.mjs');
    await writeFile(
      launcher,
      `import { launch } from ${module('launch.js')};
       import { followLauncher } from ${module('signals.js')};
       followLauncher();
       console.log('launcher ' + process.pid);
       process.exitCode = await launch(process.execPath, process.argv.slice(2));`,
    );
    // Writes down each signal; it ends, as if it had saved, at the one that its argument names.
    command = join(folder, 'command.mjs');
    await writeFile(
      command,
      `import { followLauncher, onStopSignal } from ${module('signals.js')};
       followLauncher();
       onStopSignal((signal) => { console.log(signal); if (signal === process.argv[2]) { console.log('saved'); process.exit(5); } });
       setInterval(() => {}, 1000);
       console.log('command ' + process.pid);`,
    );
    idle = join(folder, 'idle.mjs');
    await writeFile(
      idle,
      `import { followLauncher } from ${module('signals.js')};
       followLauncher();
       setInterval(() => {}, 1000);
       console.log('command ' + process.pid);`,
    );
  });

  interface Launched {
    /** process ids of the launchers, outermost first, and of the command */
    launchers: number[];
    pid: number;
    /** signals that the command got, and what else it printed */
    lines(): string[];
    /** the launcher's exit code, when every process that holds its standard output has ended */
    ended: Promise<number | null>;
  }

  async function start(...args: string[]): Promise<Launched> {
    const child = spawn(process.execPath, [launcher, ...args], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let out = '';
    child.stdout.on('data', (text) => (out += String(text)));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await vi.waitUntil(() => out.includes('command '), { timeout: 30_000, interval: 10 });
    const found = [...out.matchAll(/(launcher|command) (\d+)/g)].map(([, , pid]) => Number(pid));
    pids.push(...found);
    return {
      launchers: found.slice(0, -1),
      pid: found.at(-1)!,
      lines: () =>
        out
          .trim()
          .split('\n')
          .filter((line) => !/^(launcher|command) /.test(line)),
      ended,
    };
  }

  /** Waits until the command has printed `count` lines, so that two signals are not merged into one by the system. */
  const untilLines = (launched: Launched, count: number) =>
    vi.waitUntil(() => launched.lines().filter(Boolean).length >= count, { timeout: 30_000, interval: 10 });

  const sends: [string, (launched: Launched, signal: NodeJS.Signals) => void][] = [
    ['the launcher alone', ({ launchers }, signal) => process.kill(launchers[0]!, signal)],
    ['both, as a terminal does', ({ launchers }, signal) => process.kill(-launchers[0]!, signal)],
    ['the child alone', ({ pid }, signal) => process.kill(pid, signal)],
  ];
  it.each(sends)('gets a signal sent to %s exactly once', async (_name, send) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const last = signal === 'SIGTERM' ? 'SIGINT' : 'SIGTERM';
      const launched = await start(command, last);
      send(launched, signal);
      await untilLines(launched, 1);
      send(launched, signal);
      await untilLines(launched, 2);
      send(launched, last);
      expect(await launched.ended).toBe(5);
      expect(launched.lines()).toEqual([signal, signal, last, 'saved']);
    }
  });

  it('gets it once through two launchers as well', async () => {
    const launched = await start(launcher, command, 'SIGTERM');
    expect(launched.launchers).toHaveLength(2);
    process.kill(-launched.launchers[0]!, 'SIGINT');
    await untilLines(launched, 1);
    process.kill(launched.launchers[0]!, 'SIGINT');
    await untilLines(launched, 2);
    process.kill(launched.launchers[1]!, 'SIGTERM');
    expect(await launched.ended).toBe(5);
    expect(launched.lines()).toEqual(['SIGINT', 'SIGINT', 'SIGTERM', 'saved']);
  });

  it('stops, once, when its launcher is killed', async () => {
    const launched = await start(command, 'SIGHUP');
    process.kill(launched.launchers[0]!, 'SIGKILL');
    await launched.ended;
    expect(launched.lines()).toEqual(['SIGHUP', 'saved']);
  });

  it.each([0, 1])('stops when launcher %i of two is killed', async (which) => {
    const launched = await start(launcher, command, 'SIGHUP');
    process.kill(launched.launchers[which]!, 'SIGKILL');
    expect(await launched.ended).toBe(which === 0 ? null : 137);
    expect(launched.lines()).toEqual(['SIGHUP', 'saved']);
  });

  it('that is stopping already goes on saving when its launcher is killed', async () => {
    const launched = await start(command, 'SIGTERM');
    process.kill(launched.launchers[0]!, 'SIGINT');
    await untilLines(launched, 1);
    process.kill(launched.launchers[0]!, 'SIGKILL');
    await vi.waitUntil(() => children[0]!.signalCode === 'SIGKILL', { timeout: 30_000, interval: 10 });
    process.kill(launched.pid, 'SIGTERM');
    await launched.ended;
    expect(launched.lines()).toEqual(['SIGINT', 'SIGTERM', 'saved']);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('with nothing to save ends at %s with %i', async (signal, code) => {
    const launched = await start(idle);
    process.kill(launched.launchers[0]!, signal);
    expect(await launched.ended).toBe(code);
  });

  it('with nothing to save ends when its launcher is killed', async () => {
    const launched = await start(idle);
    process.kill(launched.launchers[0]!, 'SIGKILL');
    expect(await launched.ended).toBeNull();
  });
});
