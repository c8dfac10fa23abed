import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Phases } from '@mdiff/engine';

// A child process per engine. It sleeps in a read of its stdin until it is asked to run steps; only one is asked at a time.

export interface Answer {
  /** of each step or product */
  ms: number[];
  losses: number[];
  peak_mb: number;
  /** milliseconds by phase, of our own engines */
  startup?: Phases;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  ask(command: { steps: number } | { gemm: number; repeats: number } | { check: true } | { texts: number }): Promise<Answer>;
  close(): void;
}

/** A child failed; the message is the end of its output. */
class ChildError extends Error {}

export function startChild(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  let ended: ChildError | undefined;
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)));
  const end = (how: string): void => {
    const last = words
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '')
      .at(-1);
    ended ??= new ChildError(last ?? how);
    waiting?.reject(ended);
    waiting = undefined;
  };
  child.on('error', (error) => end(error.message));
  child.on('close', (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
  child.stdin.on('error', () => undefined); // its end is reported by 'close'
  createInterface(child.stdout).on('line', (line) => {
    const asked = waiting;
    waiting = undefined;
    asked?.resolve(JSON.parse(line) as Answer);
  });
  return {
    name,
    pid: child.pid!,
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        waiting = { resolve, reject };
        child.stdin.write(`${JSON.stringify(request)}\n`);
      }),
    close: () => {
      child.removeAllListeners('close');
      child.stdin.end();
      child.kill('SIGKILL');
    },
  };
}
