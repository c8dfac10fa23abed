import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ModelConfig } from '@mdiff/config';
import type { EngineSetting } from '../devices.js';
import type { NativeTensorFlow, Variant } from '../tensorflow/locate.js';
import type { ProductVariant } from '../tensorflow/variants.js';
import { launcherEnvironment, tensorflowEnvironment } from '../tensorflow/environment.js';

// Tries an engine in a process of its own, so that a crash of a native library is a result and does not end the command.

/** A trial computes one matrix product, then counts how many it computes in `seconds`. */
export type Trial =
  | { engine: 'tensorflow'; library: NativeTensorFlow; device: Variant; bf16: boolean; threads: number; seconds: number; kernels?: string }
  | {
      engine: 'onnxruntime';
      device: 'cpu' | 'webgpu' | 'cuda';
      threads: number;
      seconds: number;
      /** false: no software device of WebGPU */ software?: boolean;
    }
  | { engine: 'tfjs'; seconds: number };

/** A trial takes a few training steps of a network on the processor, as a run would. */
export interface StepTrial {
  setting: EngineSetting;
  model: ModelConfig;
  /** for `tfjs_node` */
  tensorflow?: NativeTensorFlow | undefined;
}

/** The time of a training step, ms; or why the engine does not run, in one line. */
export type StepTime = { ms: number } | { reason: string };

export interface TrialReport {
  /** of the library */
  version: string;
  /** that computed */
  device: 'cpu' | 'gpu';
  /** WebGPU only: a GPU's own driver computed */
  hardware?: boolean;
  /** products of float32 matrices (in bfloat16 if `bf16`), 10⁹ operations a second; absent if `seconds` is 0 */
  gflops?: number;
  /** largest relative error of a product against float64 */
  error: number;
  /** ms from the start of the library to its first product */
  start: number;
  /** of the fused kernels that contain matrix products; absent if none were loaded */
  variants?: readonly ProductVariant[];
}

type Outcome<Report> = { ok: true; report: Report } | { ok: false; reason: string };
export type TrialOutcome = Outcome<TrialReport>;

/** Begins the line that reports; no library prints it. */
const MARK = '\u0001trial ';

/** Makes Vulkan's loader (1.3.234 and newer) leave out the drivers of software devices, beside those that the user leaves out. */
const noSoftware = ({ VK_LOADER_DRIVERS_DISABLE: disabled }: NodeJS.ProcessEnv): Record<string, string> => ({
  VK_LOADER_DRIVERS_DISABLE: [...(disabled ? [disabled] : []), '*lvp_*', '*swiftshader*'].join(','),
});

const productVariables = (trial: Trial, env: NodeJS.ProcessEnv): Record<string, string> => ({
  ...(trial.engine === 'tensorflow' && tensorflowEnvironment(trial.library, trial, env)),
  ...(trial.engine === 'onnxruntime' && trial.software === false && noSoftware(env)),
});

/** What a run's own process has from its launcher; the rest an engine sets when it opens. */
const stepVariables = ({ tensorflow }: StepTrial, env: NodeJS.ProcessEnv): Record<string, string> =>
  tensorflow ? launcherEnvironment(tensorflow, env) : {};

/** Arguments and environment of the process. */
function processFor(trial: Trial | StepTrial, env: NodeJS.ProcessEnv): { args: string[]; env: NodeJS.ProcessEnv } {
  const source = import.meta.url.endsWith('.ts');
  const entry = new URL(source ? './trial-process.ts' : './trial-process.js', import.meta.url);
  const loader = source ? ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx')] : [];
  const variables = 'setting' in trial ? stepVariables(trial, env) : productVariables(trial, env);
  return {
    args: [...loader, fileURLToPath(entry), JSON.stringify(trial)],
    env: { ...env, ...variables, NODE_OPTIONS: '', ORT_DISABLE_TELEMETRY: '1' },
  };
}

/** `end`: the code or signal that the process ended with. */
function outcomeOf<Report>(output: string, errors: string, end: string): Outcome<Report> {
  const line = output.split('\n').find((one) => one.startsWith(MARK));
  if (line !== undefined) return JSON.parse(line.slice(MARK.length)) as Outcome<Report>;
  const lastError = errors
    .split('\n')
    .filter((one) => one.trim() !== '')
    .at(-1);
  return { ok: false, reason: `the process ended with ${end}${lastError === undefined ? '' : `: ${lastError.slice(0, 300)}`}` };
}

export interface TrialOptions {
  env?: NodeJS.ProcessEnv;
  /** timeout in ms; a timeout counts as a failure */
  limit?: number;
}

interface AbortableOptions extends TrialOptions {
  signal?: AbortSignal | undefined;
}

/** Runs the trial's process. */
function runProcess<Report>(
  trial: Trial | StepTrial,
  { env = process.env, signal, limit = 120_000 }: AbortableOptions,
): Promise<Outcome<Report>> {
  const { args, env: variables } = processFor(trial, env);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: variables,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limit,
      killSignal: 'SIGKILL',
      ...(signal && { signal }),
    });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.on('error', (error) => (signal?.aborted ? reject(signal.reason as Error) : resolve({ ok: false, reason: error.message })));
    child.on('close', (code, killed) =>
      signal?.aborted ? reject(signal.reason as Error) : resolve(outcomeOf(output, errors, killed ?? `code ${code}`)),
    );
  });
}

/** Tries an engine in a child process. A crash or a timeout is an outcome. */
export const runTrial = (trial: Trial, options: AbortableOptions = {}): Promise<TrialOutcome> => runProcess(trial, options);

/** Times training steps in a child process. A crash or a timeout is an outcome. */
export async function runStepTrial(trial: StepTrial, options: AbortableOptions = {}): Promise<StepTime> {
  const outcome = await runProcess<{ ms: number }>(trial, options);
  return outcome.ok ? outcome.report : { reason: outcome.reason };
}

/** `runTrial` that waits for the outcome. */
export function runTrialSync(trial: Trial, { env = process.env, limit = 30_000 }: TrialOptions = {}): TrialOutcome {
  const { args, env: variables } = processFor(trial, env);
  const { stdout, stderr, status, signal, error } = spawnSync(process.execPath, args, {
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: limit,
    killSignal: 'SIGKILL',
  });
  return error && signal === null ? { ok: false, reason: error.message } : outcomeOf(stdout, stderr, signal ?? `code ${status}`);
}

/** The line in which the child process reports. */
export const outcomeLine = (outcome: Outcome<TrialReport | { ms: number }>): string => `${MARK}${JSON.stringify(outcome)}\n`;
