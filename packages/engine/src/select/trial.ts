import { availableParallelism } from 'node:os';
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { NativeTensorFlow, Variant } from '../tensorflow/locate.js';
import { tensorflowEnvironment } from '../tensorflow/environment.js';

// Tries an engine in a process of its own, so that a crash of a native library is an answer and not the end of the command.

export type Question =
  | { engine: 'tensorflow'; found: NativeTensorFlow; device: Variant; bf16: boolean; threads: number; seconds: number; kernels?: string }
  | { engine: 'onnxruntime'; device: 'cpu' | 'webgpu' | 'cuda'; threads: number; seconds: number; /** false: WebGPU on software does not count */ software?: boolean }
  | { engine: 'tfjs'; seconds: number };

export interface Answer {
  /** of the library */
  version: string;
  /** where it computed */
  device: 'cpu' | 'gpu';
  /** of WebGPU: whether a GPU's own driver computed */
  hardware?: boolean;
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

/** Where Vulkan's loader knows this variable (1.3.234 and newer), it leaves these drivers out. */
const noSoftware = ({ VK_LOADER_DRIVERS_DISABLE: own }: NodeJS.ProcessEnv): Record<string, string> => ({
  VK_LOADER_DRIVERS_DISABLE: [...(own ? [own] : []), '*lvp_*', '*swiftshader*'].join(','),
});

function child(question: Question, env: NodeJS.ProcessEnv): { args: string[]; env: NodeJS.ProcessEnv } {
  const source = import.meta.url.endsWith('.ts');
  const entry = new URL(source ? './trial-process.ts' : './trial-process.js', import.meta.url);
  const loader = source ? ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx')] : [];
  const variables = {
    ...(question.engine === 'tensorflow' && tensorflowEnvironment(question.found, question, env)),
    ...(question.engine === 'onnxruntime' && question.software === false && noSoftware(env)),
  };
  return { args: [...loader, fileURLToPath(entry), JSON.stringify(question)], env: { ...env, ...variables, NODE_OPTIONS: '', ORT_DISABLE_TELEMETRY: '1' } };
}

function outcomeOf(output: string, errors: string, ended: string): Outcome {
  const answer = output.split('\n').find((line) => line.startsWith(MARK));
  if (answer !== undefined) return JSON.parse(answer.slice(MARK.length)) as Outcome;
  const said = errors.split('\n').filter((line) => line.trim() !== '').at(-1);
  return { ok: false, reason: `the process ended with ${ended}${said === undefined ? '' : `: ${said.slice(0, 300)}`}` };
}

export interface AskOptions {
  env?: NodeJS.ProcessEnv;
  /** ms until no answer is one */
  limit?: number;
}

/** Asks in a child process. A crash, or no answer within `limit`, is an outcome. */
export function ask(question: Question, { env = process.env, signal, limit = 120_000 }: AskOptions & { signal?: AbortSignal | undefined } = {}): Promise<Outcome> {
  const { args, env: variables } = child(question, env);
  return new Promise((resolve, reject) => {
    const asked = spawn(process.execPath, args, { env: variables, stdio: ['ignore', 'pipe', 'pipe'], timeout: limit, killSignal: 'SIGKILL', ...(signal && { signal }) });
    let [output, errors] = ['', ''];
    asked.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    asked.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    asked.on('error', (error) => (signal?.aborted ? reject(signal.reason as Error) : resolve({ ok: false, reason: error.message })));
    asked.on('close', (code, killed) => (signal?.aborted ? reject(signal.reason as Error) : resolve(outcomeOf(output, errors, killed ?? `code ${code}`))));
  });
}

/** The same, for who cannot go on without the answer. */
export function askNow(question: Question, { env = process.env, limit = 30_000 }: AskOptions = {}): Outcome {
  const { args, env: variables } = child(question, env);
  const { stdout, stderr, status, signal, error } = spawnSync(process.execPath, args, { env: variables, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', timeout: limit, killSignal: 'SIGKILL' });
  return error && signal === null ? { ok: false, reason: error.message } : outcomeOf(stdout, stderr, signal ?? `code ${status}`);
}

/** How a child answers: a line that nothing a library prints can be taken for. */
export const answerLine = (outcome: Outcome): string => `${MARK}${JSON.stringify(outcome)}\n`;

export const allThreads = (asked: number): number => asked || availableParallelism();
