import { existsSync } from 'node:fs';
import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import { anyDevice, realDevice } from './gpu.js';
import type { Missing } from './gpu.js';
import { MdiffError } from '@mdiff/folder';
import { locateTensorFlow } from '../tensorflow/locate.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';

// Which engine computes a run, and where: `engine` and `device` of the configuration against what this machine has.

export type EngineName = 'onnxruntime' | 'tfjs_node' | 'tfjs';
export type Device = 'cpu' | 'cuda' | 'webgpu';

export interface Installed {
  /** devices that an engine can be opened on here; none = the engine is not installed */
  devices: Readonly<Record<EngineName, readonly Device[]>>;
  /** the library that `tfjs_node` would load for a device */
  tensorflow: Readonly<Partial<Record<Device, NativeTensorFlow>>>;
  /** whether CUDA has its driver */
  driver: boolean;
  /** why ONNX Runtime has no WebGPU device here, or no other than a software one; asked only where it decides, because it takes a process */
  webgpu?: (software: boolean) => Missing;
}

export interface Choice {
  engine: EngineName;
  device: Device;
  tensorflow?: NativeTensorFlow;
  /** N2, when the default device is not here */
  notices: Issue[];
}

export const noDriver = 'no NVIDIA driver here (/dev/nvidiactl)';

/** The driver's control node: CUDA needs it, and asking for it starts nothing. */
const cudaDriver = (): boolean => process.platform === 'linux' && existsSync('/dev/nvidiactl');

/** Looks at the disk only, but for WebGPU; whether an engine really loads is what `mdiff engine doctor` tries. */
export function installedEngines(cacheDir: string, env: NodeJS.ProcessEnv = process.env): Installed {
  const cpu = locateTensorFlow({ cacheDir, device: 'cpu', env });
  const driver = cudaDriver();
  const cuda = driver ? locateTensorFlow({ cacheDir, device: 'cuda', env }) : undefined;
  return {
    devices: { onnxruntime: ['cpu'], tfjs_node: [...(cuda ? ['cuda' as const] : []), ...(cpu ? ['cpu' as const] : [])], tfjs: ['cpu'] },
    tensorflow: { ...(cpu && { cpu }), ...(cuda && { cuda }) },
    driver,
    webgpu: (software) => (software ? anyDevice({ env }) : realDevice(cacheDir, { env })),
  };
}

const cudaMissing = (asked: EngineName | 'auto', { driver, tensorflow }: Installed): Missing => {
  if (asked === 'onnxruntime') return 'ONNX Runtime comes without CUDA from npm; engine "tfjs_node" has it';
  if (!driver) return noDriver;
  return tensorflow.cuda ? undefined : '"mdiff engine install tensorflow --cuda" makes native TensorFlow for it';
};

/** `device: auto` takes the first that is there. */
const preferred: readonly Device[] = ['cuda', 'webgpu', 'cpu'];
/** `engine: auto` takes the first that runs on the device; the reference engine is never chosen. */
const automatic: readonly EngineName[] = ['tfjs_node', 'onnxruntime'];

/**
 * Resolves `engine` and `device`. A device that was asked for by name and is absent is an error, one that is only the default a notice.
 * @throws ConfigError S1 (device), MdiffError MDIFF_CONFIG (engine), both with exit code 2
 */
export function resolveEngine(config: ProjectConfig, installed: Installed): Choice {
  const { devices, tensorflow } = installed;
  const { engine: asked, device: wanted } = config;
  const engines = asked === 'auto' ? automatic : [asked];
  if (asked !== 'auto' && devices[asked].length === 0) {
    const remedy = asked === 'tfjs_node' ? 'run "mdiff engine install tensorflow", or set engine to "auto" or "onnxruntime"' : 'set engine to "auto" or "onnxruntime"';
    throw new MdiffError('MDIFF_CONFIG', `engine: expected an engine that is installed here, got "${asked}"; ${remedy}`, 2);
  }
  let webgpu: { missing: Missing } | undefined;
  const found = (): boolean => installed.webgpu !== undefined && (webgpu ??= { missing: installed.webgpu(wanted === 'webgpu') }).missing === undefined;
  const runs = (device: Device): EngineName | undefined =>
    engines.find((engine) => devices[engine].includes(device) || (device === 'webgpu' && engine === 'onnxruntime' && found()));
  const here = wanted !== 'auto' && runs(wanted) !== undefined;
  if (wanted !== 'auto' && !here && isSetIn(config, 'device')) throw new ConfigError([startup.deviceAbsent(config, wanted === 'cuda' ? cudaMissing(asked, installed) : webgpu?.missing)]);
  const device = here ? wanted : preferred.find((one) => runs(one) !== undefined)!;
  const engine = runs(device)!;
  const library = engine === 'tfjs_node' ? tensorflow[device] : undefined;
  return { engine, device, ...(library && { tensorflow: library }), notices: wanted === 'auto' || here ? [] : [startup.deviceFallback(config, device)] };
}
