import { createRequire } from 'node:module';
import type { ProjectConfig } from '@mdiff/config';
import {
  TFJS_NODE,
  allThreads,
  describeSetting,
  forgetDevice,
  forgetTrials,
  gpuNodes,
  installedEngines,
  kernelState,
  locateTensorFlow,
  noDevice,
  noDriver,
  noGpu,
  packageOf,
  peerFolder,
  places,
  plainReason,
  processor,
  runStepTrial,
  runTrial,
  selectSetting,
} from '@mdiff/engine';
import type {
  Device,
  EngineName,
  EngineSetting,
  InstalledEngines,
  KernelState,
  MeasureStep,
  NativeTensorFlow,
  Processor,
  Timed,
  Trial,
  TrialOutcome,
  TrialReport,
} from '@mdiff/engine';
import { examineMpi } from './mpi.js';
import type { ExaminedMpi } from './mpi.js';
import { megabytes, pins } from './pins.js';

// The engines on this machine: `listEngines` looks at the disk, `examineEngines` tries each one.

export interface Listed {
  engine: EngineName;
  device: Device;
  installed: boolean;
  /** where it is and what it is, or what to do to have it; one line */
  detail: string;
}

export interface Examined extends Pick<Listed, 'engine' | 'device'> {
  /** absent: nothing was tried, because it is not installed */
  state: 'works' | 'broken' | 'absent';
  /** of the library */
  version?: string;
  threads?: number;
  /** 10⁹ operations a second in products of 2048 × 2048 matrices (of 256 × 256 in `tfjs`), by the precision of the operands */
  gflops?: { float32?: number; bfloat16?: number };
  /** largest relative error of a float32 product against float64 */
  error?: number;
  /** ms from the start of the library to its first product */
  start?: number;
  folder?: string;
  /** WebGPU on the processor (or, on Windows, perhaps): a run takes it only by name */
  software?: boolean;
  /** fused kernels of `tfjs_node`: ready, or why not */
  kernels?: string;
  /** what is missing, or how it failed, and what to do; one line */
  reason?: string;
}

/** What a run takes. Threads and precision are known once something was measured, or where there is one choice. */
export type Chosen = Pick<EngineSetting, 'engine' | 'device'> & Partial<EngineSetting>;

export interface Diagnosis {
  format_version: 1;
  node: string;
  platform: string;
  processor: Omit<Processor, 'flags'>;
  /** the engine and device that a run with this configuration takes here, or why it is refused */
  chosen: Chosen | { refused: string };
  /** the trials that decided it, if the configuration leaves a choice */
  times?: Timed[];
  engines: Examined[];
  /** for runs on several ranks */
  mpi: ExaminedMpi;
}

const install = (device: 'cpu' | 'cuda'): string => `mdiff engine install tensorflow${device === 'cuda' ? ' --cuda' : ''}`;
/** The command that installs native TensorFlow, and its cost. */
function howTo(device: 'cpu' | 'cuda'): string {
  const name = `@tensorflow/${packageOf(device)}@${TFJS_NODE}`;
  const size = megabytes(pins[device].reduce((sum, { size: bytes }) => sum + bytes, 0));
  return `${peerFolder(device) === undefined ? `run "npm install --ignore-scripts ${name}", then` : 'run'} "${install(device)}" (${size} to download; needs pip and a C++ compiler)`;
}
const version = (name: string): string => (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

/** Which instructions multiply, for each precision: "bfloat16 on AMX, float32 on AVX-512". */
const productLine = (variants: NonNullable<TrialReport['variants']>): string =>
  (['bfloat16', 'float32'] as const)
    .map((precision) => variants.find((variant) => variant.precision === precision))
    .filter((variant) => variant !== undefined)
    .map(({ precision, label }) => `${precision} on ${label}`)
    .join(', ');

const kernelLine = (found: NativeTensorFlow, kernels: KernelState, variants: TrialReport['variants'] = []): string => {
  const made = 'compiler' in kernels ? ` (${kernels.compiler})` : '';
  return kernels.state === 'ready'
    ? `ready${variants.length > 0 ? ` with products in ${productLine(variants)}` : ''}${made}`
    : `${kernels.state}: ${kernels.reason}; "${install(found.variant)}" compiles them`;
};

const withMdiff = (name: string): string => `${name} ${version(name)}, comes with mdiff`;

/** Every engine on every device, installed or not. Nothing is loaded. */
export function listEngines(cacheDir: string, env: NodeJS.ProcessEnv = process.env): Listed[] {
  const { devices } = installedEngines(cacheDir, env);
  const native = (device: 'cpu' | 'cuda'): Pick<Listed, 'installed' | 'detail'> => {
    const found = locateTensorFlow({ cacheDir, device, env });
    const usable = devices.tfjs_node.includes(device);
    return {
      installed: found !== undefined,
      detail: found
        ? `${found.package} ${found.version} in ${found.folder} (${found.from})${usable ? '' : `; ${noDriver}`}`
        : howTo(device),
    };
  };
  const webgpu = (): string => {
    const nodes = gpuNodes();
    const gpu = nodes.length > 0 ? `a GPU (${nodes.join(', ')}); "mdiff engine doctor" tries if it has a driver for WebGPU` : noGpu();
    return `comes with onnxruntime-node; ${gpu}`;
  };
  return places.map((place) => {
    if (place.engine === 'tfjs_node') return { ...place, ...native(place.device) };
    if (place.engine === 'tfjs')
      return { ...place, installed: true, detail: `${withMdiff('@tensorflow/tfjs')}; the reference, hundreds of times slower` };
    return { ...place, installed: true, detail: place.device === 'webgpu' ? webgpu() : withMdiff('onnxruntime-node') };
  });
}

export interface ExamineOptions {
  config: ProjectConfig;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** time to measure products, for each engine and precision */
  seconds?: number;
  /** gets what is tried now */
  watch?: (text: string) => void;
  run?: (trial: Trial) => Promise<TrialOutcome>;
  measure?: MeasureStep;
}

/** The setting that a run with this configuration takes here, or the error that it ends with. Without `measure` only earlier trials decide. */
export async function chosenSetting(
  config: ProjectConfig,
  { installed = installedEngines(config.cache_dir), measure }: { installed?: InstalledEngines; measure?: MeasureStep } = {},
): Promise<Pick<Diagnosis, 'chosen' | 'times'>> {
  try {
    const { setting, times } = await selectSetting(config, { installed, measure });
    return { chosen: setting, ...(times && { times }) };
  } catch (error) {
    return { chosen: { refused: (error as Error).message } };
  }
}

/** A trial by its name for the user. */
type Try = (trial: Trial, name: string) => Promise<TrialOutcome>;

/** Tries every engine on every device, each in a process of its own. */
export async function examineEngines({
  config,
  env = process.env,
  signal,
  seconds = 2,
  watch = () => undefined,
  run = (trial) => runTrial(trial, { env, signal }),
  measure = (trial) => runStepTrial(trial, { env, signal }),
}: ExamineOptions): Promise<Diagnosis> {
  const { cache_dir: cacheDir } = config;
  forgetDevice(cacheDir);
  forgetTrials(cacheDir);
  const installed = installedEngines(cacheDir, env);
  const threads = allThreads(config.hardware.cpu_threads);
  const { name, sets, bf16, threads: available } = processor();
  const attempt: Try = (trial, what) => (watch(`trying ${what}`), run(trial));

  const reports = new Map<string, Examined>();
  // Native TensorFlow, which may not be installed, comes last.
  for (const place of [...places].sort((a, b) => Number(a.engine === 'tfjs_node') - Number(b.engine === 'tfjs_node'))) {
    const { engine, device } = place;
    const report =
      engine === 'tfjs_node'
        ? await examineTensorFlow(device, {
            found: locateTensorFlow({ cacheDir, device, env }),
            driver: installed.driver,
            bf16,
            threads,
            seconds,
            attempt,
          })
        : engine === 'tfjs'
          ? { ...place, threads: 1, ...verdict(await attempt({ engine, seconds }, 'tfjs on cpu')) }
          : await examineOnnxRuntime(device, { threads, seconds, attempt });
    reports.set(placeKey(place), report);
  }
  return {
    format_version: 1,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: { name, threads: available, sets, bf16 },
    ...(await chosenSetting(config, {
      installed,
      measure: (trial) => (watch(`timing a training step on ${describeSetting(trial.setting)}`), measure(trial)),
    })),
    engines: places.map((place) => reports.get(placeKey(place))!),
    mpi: await examineMpi(cacheDir, { env, signal }),
  };
}

const placeKey = ({ engine, device }: Pick<Examined, 'engine' | 'device'>): string => `${engine} ${device}`;

interface Attempt {
  threads: number;
  seconds: number;
  attempt: Try;
}

async function examineOnnxRuntime(device: 'cpu' | 'webgpu', { threads, seconds, attempt }: Attempt): Promise<Examined> {
  const outcome = await attempt({ engine: 'onnxruntime', device, threads, seconds }, `onnxruntime on ${device}`);
  if (device === 'cpu') return { engine: 'onnxruntime', device, threads, ...verdict(outcome) };
  const report: Examined = { engine: 'onnxruntime', device, ...verdict(outcome, 'gpu') };
  if (!outcome.ok) return { ...report, reason: noDevice(outcome.reason) };
  return outcome.report.hardware ? report : { ...report, software: true };
}

interface TensorFlowAttempt extends Attempt {
  found: NativeTensorFlow | undefined;
  /** the CUDA driver is installed */
  driver: boolean;
  /** the processor has bfloat16 */
  bf16: boolean;
}

async function examineTensorFlow(
  device: 'cpu' | 'cuda',
  { found, driver, bf16, threads, seconds, attempt }: TensorFlowAttempt,
): Promise<Examined> {
  const noCuda = device === 'cuda' && !driver;
  if (!found) return { engine: 'tfjs_node', device, state: 'absent', reason: `${noCuda ? `${noDriver}; with one, ` : ''}${howTo(device)}` };
  const trial = { engine: 'tensorflow', library: found, device, threads, seconds } as const;
  const kernels = kernelState(found);
  const full = await attempt(
    { ...trial, bf16: false, ...(kernels.state === 'ready' && { kernels: kernels.path }) },
    `tfjs_node on ${device}`,
  );
  const half =
    full.ok && (bf16 || device === 'cuda') ? await attempt({ ...trial, bf16: true }, `tfjs_node on ${device} in bfloat16`) : undefined;
  const result = verdict(full, device === 'cuda' ? 'gpu' : 'cpu');
  if (half?.ok && half.report.gflops !== undefined) result.gflops = { ...result.gflops, bfloat16: half.report.gflops };
  const remedy =
    result.state === 'broken'
      ? { reason: `${result.reason}${noCuda ? `; ${noDriver}` : ''}; "${install(device)} --force" makes it anew` }
      : {};
  return {
    engine: 'tfjs_node',
    device,
    threads,
    folder: found.folder,
    ...(device === 'cpu' && { kernels: kernelLine(found, kernels, full.ok ? full.report.variants : undefined) }),
    ...result,
    ...remedy,
  };
}

/** `wanted`: the kind of device that had to compute. */
function verdict(
  outcome: TrialOutcome,
  wanted: TrialReport['device'] = 'cpu',
): Pick<Examined, 'state' | 'version' | 'gflops' | 'error' | 'start' | 'reason'> {
  if (!outcome.ok) return { state: 'broken', reason: plainReason(outcome.reason) };
  const { version, device, gflops, error, start } = outcome.report;
  const numbers = { version, ...(gflops !== undefined && { gflops: { float32: gflops } }), error, start };
  if (device !== wanted && wanted === 'gpu')
    return { state: 'broken', version, reason: 'its library lists no GPU and computes on the processor' };
  // Products of numbers below one: float32 rounds them a hundred times below this, TF32 of a GPU below it.
  return error < 1e-2 ? { state: 'works', ...numbers } : { state: 'broken', ...numbers, reason: `a product is off by ${error}` };
}
