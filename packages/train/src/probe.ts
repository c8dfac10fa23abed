import { availableParallelism } from 'node:os';
import { spawn } from 'node:child_process';
import type { NativeTensorFlow, Variant } from './native.js';
import { tensorflowEnvironment } from './native.js';

// Tries an engine in a process of its own, so that a crash of a native library is an answer and not the end of the command.

export type Question =
  | { engine: 'tensorflow'; found: NativeTensorFlow; device: Variant; bf16: boolean; threads: number; seconds: number; kernels?: string }
  | { engine: 'onnxruntime'; device: 'cpu' | 'webgpu' | 'cuda'; threads: number; seconds: number }
  | { engine: 'tfjs'; seconds: number };

export interface Answer {
  /** of the library */
  version: string;
  /** where it computed */
  device: 'cpu' | 'gpu';
  /** of float32 matrices (of bfloat16 products where asked for), 10⁹ operations a second; absent when no time was given */
  gflops?: number;
  /** largest relative error of a product against float64 */
  error: number;
  /** ms from the start of the library to its first product */
  start: number;
  /** whether the fused kernels have matrix products of their own here; absent where none were loaded */
  products?: boolean;
}

export type Outcome = { ok: true; answer: Answer } | { ok: false; reason: string };

const MARK = '\u0001answer ';

/** Asks in a child process. A crash, or no answer within `limit` ms, is an outcome. */
export function ask(question: Question, { env = process.env, signal, limit = 120_000 }: { env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined; limit?: number } = {}): Promise<Outcome> {
  const source = import.meta.url.endsWith('.ts');
  const entry = new URL(source ? './prober.ts' : './prober.js', import.meta.url);
  const loader = source ? ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx')] : [];
  const variables = question.engine === 'tensorflow' ? tensorflowEnvironment(question.found, question, env) : {};
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...loader, entry.pathname, JSON.stringify(question)], {
      env: { ...env, ...variables, NODE_OPTIONS: '', ORT_DISABLE_TELEMETRY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limit,
      killSignal: 'SIGKILL',
      ...(signal && { signal }),
    });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.on('error', (error) => (signal?.aborted ? reject(signal.reason as Error) : resolve({ ok: false, reason: error.message })));
    child.on('close', (code, killed) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const answer = output.split('\n').find((line) => line.startsWith(MARK));
      if (answer !== undefined) return resolve(JSON.parse(answer.slice(MARK.length)) as Outcome);
      const said = errors.split('\n').filter((line) => line.trim() !== '').at(-1);
      resolve({ ok: false, reason: `the process ended with ${killed ?? `code ${code}`}${said === undefined ? '' : `: ${said.slice(0, 300)}`}` });
    });
  });
}

/** How a child answers: a line that nothing a library prints can be taken for. */
export const answerLine = (outcome: Outcome): string => `${MARK}${JSON.stringify(outcome)}\n`;

export const allThreads = (asked: number): number => asked || availableParallelism();
