import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import type { Answer, Request } from './request.js';

export interface Measured {
  answer: Answer;
  /** from starting the process to its end */
  seconds: number;
  /** the most that the process and those it started held at once, shared pages counted once; 0 where there is no /proc */
  peak_mb: number;
}

// Reading it takes a process of a gigabyte a few hundredths of a second.
const INTERVAL_MS = 1000;

/** Proportional set size of a process and of what it started. */
function held(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The name in parentheses may hold anything.
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended.
    }
  }
  const below = (one: number): boolean => one === pid || (parents.has(one) && below(parents.get(one)!));
  let kb = 0;
  for (const one of parents.keys()) {
    if (!below(one)) continue;
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It ended.
    }
  }
  return kb / 1024;
}

/** Runs one side from start to end. Rejects with the last error that it printed. */
export function measure(
  command: string,
  args: readonly string[],
  request: Request,
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const input = JSON.stringify(request);
    const begun = performance.now();
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let [out, words, peak] = ['', '', 0];
    const timer = process.platform === 'linux' ? setInterval(() => (peak = Math.max(peak, held(child.pid!))), INTERVAL_MS) : undefined;
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4000)));
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - begun) / 1000;
      if (code === 0) resolve({ answer: JSON.parse(out) as Answer, seconds, peak_mb: Math.round(peak) });
      else
        reject(
          new Error(
            words
              .trim()
              .split('\n')
              .findLast((line) => line.includes('Error')) ?? `ended with code ${code}`,
          ),
        );
    });
    child.stdin.on('error', () => undefined); // its end is reported by 'close'
    child.stdin.end(input);
  });
}
