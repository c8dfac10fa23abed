import { createRequire } from 'node:module';
import type { ProjectConfig } from '@mdiff/config';
import { forgetDevice, gpuNodes, noDevice, noGpu, plainly } from '@mdiff/engine';
import { installedEngines, noDriver, resolveEngine } from '@mdiff/engine';
import type { Device, EngineName } from '@mdiff/engine';
import { kernelState } from '@mdiff/engine';
import type { KernelState } from '@mdiff/engine';
import { TFJS_NODE, locateTensorFlow, packageOf, peerFolder } from '@mdiff/engine';
import type { NativeTensorFlow } from '@mdiff/engine';
import { megabytes, pins } from './pins.js';
import { allThreads, ask as askChild } from '@mdiff/engine';
import type { Answer, Outcome, Question } from '@mdiff/engine';
import { processor } from '@mdiff/engine';
import type { Processor } from '@mdiff/engine';

// What there is to train with on this machine: by a look at the disk (`listEngines`), and by trying it (`examineEngines`).

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

export interface Diagnosis {
  format_version: 1;
  node: string;
  platform: string;
  processor: Omit<Processor, 'flags'>;
  /** what the configuration's `engine` and `device` come to here, or why a run would be refused */
  chosen: { engine: EngineName; device: Device } | { refused: string };
  engines: Examined[];
}

const install = (device: 'cpu' | 'cuda'): string => `mdiff engine install tensorflow${device === 'cuda' ? ' --cuda' : ''}`;
/** What to do to have native TensorFlow, and what that takes. */
function howTo(device: 'cpu' | 'cuda'): string {
  const name = `@tensorflow/${packageOf(device)}@${TFJS_NODE}`;
  const size = megabytes(pins[device].reduce((sum, { size: bytes }) => sum + bytes, 0));
  return `${peerFolder(device) === undefined ? `run "npm install --ignore-scripts ${name}", then` : 'run'} "${install(device)}" (${size} to download; needs pip and a C++ compiler)`;
}
const version = (name: string): string => (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

const kernelLine = (found: NativeTensorFlow, kernels: KernelState, products = false): string => {
  const made = 'compiler' in kernels ? ` (${kernels.compiler})` : '';
  return kernels.state === 'ready' ? `ready${products ? ' with products on AMX' : ''}${made}` : `${kernels.state}: ${kernels.reason}; "${install(found.variant)}" compiles them`;
};

/** Engines by device, installed or not. Nothing is loaded. */
export function listEngines(cacheDir: string, env: NodeJS.ProcessEnv = process.env): Listed[] {
  const { devices } = installedEngines(cacheDir, env);
  const native = (device: 'cpu' | 'cuda'): Listed => {
    const found = locateTensorFlow({ cacheDir, device, env });
    const installed = devices.tfjs_node.includes(device);
    const detail = found ? `${found.package} ${found.version} in ${found.folder} (${found.from})${installed ? '' : `; ${noDriver}`}` : howTo(device);
    return { engine: 'tfjs_node', device, installed: found !== undefined, detail };
  };
  const webgpu = (): Listed => {
    const nodes = gpuNodes();
    const detail = nodes.length > 0 ? `a GPU (${nodes.join(', ')}); whether it has a driver for WebGPU, "mdiff engine doctor" tries` : noGpu();
    return { engine: 'onnxruntime', device: 'webgpu', installed: true, detail: `comes with onnxruntime-node; ${detail}` };
  };
  return [
    { engine: 'onnxruntime', device: 'cpu', installed: true, detail: `onnxruntime-node ${version('onnxruntime-node')}, comes with mdiff` },
    webgpu(),
    native('cpu'),
    native('cuda'),
    { engine: 'tfjs', device: 'cpu', installed: true, detail: `@tensorflow/tfjs ${version('@tensorflow/tfjs')}, comes with mdiff; the reference, hundreds of times slower` },
  ];
}

export interface ExamineOptions {
  config: ProjectConfig;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** of products, for each engine and precision */
  seconds?: number;
  /** what is tried now */
  watch?: (text: string) => void;
  ask?: (question: Question) => Promise<Outcome>;
}

/** What a run with this configuration would take here, or the error that it would end with. */
export function chosenEngine(config: ProjectConfig, installed = installedEngines(config.cache_dir)): Diagnosis['chosen'] {
  try {
    const { engine, device } = resolveEngine(config, installed);
    return { engine, device };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

/** Tries every engine in a process of its own. */
export async function examineEngines({ config, env = process.env, signal, seconds = 2, watch = () => undefined, ask = (question) => askChild(question, { env, signal }) }: ExamineOptions): Promise<Diagnosis> {
  const { cache_dir: cacheDir } = config;
  forgetDevice(cacheDir);
  const installed = installedEngines(cacheDir, env);
  const threads = allThreads(config.hardware.cpu_threads);
  const { name, sets, bf16, threads: available } = processor();
  const tried = (question: Question, what: string): Promise<Outcome> => (watch(`trying ${what}`), ask(question));

  const onnx = await tried({ engine: 'onnxruntime', device: 'cpu', threads, seconds }, 'onnxruntime on cpu');
  const webgpu = await tried({ engine: 'onnxruntime', device: 'webgpu', threads, seconds }, 'onnxruntime on webgpu');
  const reference = await tried({ engine: 'tfjs', seconds }, 'tfjs on cpu');
  return {
    format_version: 1,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: { name, threads: available, sets, bf16 },
    chosen: chosenEngine(config, installed),
    engines: [
      { engine: 'onnxruntime', device: 'cpu', threads, ...verdict(onnx) },
      onDevice(webgpu),
      await native('cpu'),
      await native('cuda'),
      { engine: 'tfjs', device: 'cpu', threads: 1, ...verdict(reference) },
    ],
  };

  function onDevice(outcome: Outcome): Examined {
    const one = { engine: 'onnxruntime', device: 'webgpu', ...verdict(outcome, 'gpu') } as const;
    if (!outcome.ok) return { ...one, reason: noDevice(outcome.reason) };
    return outcome.answer.hardware ? one : { ...one, software: true };
  }

  async function native(on: 'cpu' | 'cuda'): Promise<Examined> {
    const found = locateTensorFlow({ cacheDir, device: on, env });
    if (!found) return { engine: 'tfjs_node', device: on, state: 'absent', reason: `${on === 'cuda' && !installed.driver ? `${noDriver}; with one, ` : ''}${howTo(on)}` };
    const question = { engine: 'tensorflow', found, device: on, threads, seconds } as const;
    const kernels = kernelState(found);
    const full = await tried({ ...question, bf16: false, ...(kernels.state === 'ready' && { kernels: kernels.path }) }, `tfjs_node on ${on}`);
    const half = full.ok && (bf16 || on === 'cuda') ? await tried({ ...question, bf16: true }, `tfjs_node on ${on} in bfloat16`) : undefined;
    const result = verdict(full, on === 'cuda' ? 'gpu' : 'cpu');
    if (half?.ok && half.answer.gflops !== undefined) result.gflops = { ...result.gflops, bfloat16: half.answer.gflops };
    const remedy = result.state === 'broken' ? { reason: `${result.reason}${on === 'cuda' && !installed.driver ? `; ${noDriver}` : ''}; "${install(on)} --force" makes it anew` } : {};
    return { engine: 'tfjs_node', device: on, threads, folder: found.folder, ...(on === 'cpu' && { kernels: kernelLine(found, kernels, full.ok && full.answer.products) }), ...result, ...remedy };
  }
}

function verdict(outcome: Outcome, wanted: Answer['device'] = 'cpu'): Pick<Examined, 'state' | 'version' | 'gflops' | 'error' | 'start' | 'reason'> {
  if (!outcome.ok) return { state: 'broken', reason: plainly(outcome.reason) };
  const { version: of, device, gflops, error, start } = outcome.answer;
  const about = { version: of, ...(gflops !== undefined && { gflops: { float32: gflops } }), error, start };
  if (device !== wanted && wanted === 'gpu') return { state: 'broken', version: of, reason: 'its library lists no GPU and computes on the processor' };
  // Products of numbers below one: float32 rounds them a hundred times below this, TF32 of a GPU below it.
  return error < 1e-2 ? { state: 'works', ...about } : { state: 'broken', ...about, reason: `a product is off by ${error}` };
}
