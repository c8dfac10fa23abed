import { existsSync } from 'node:fs';
import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { engineDevices } from '../devices.js';
import type { Device, EngineName } from '../devices.js';
import { locateTensorFlow } from '../tensorflow/locate.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';
import { hardwareDeviceMissing, webgpuDeviceMissing } from './gpu.js';

// Selects the engine and the device of a run: `engine` and `device` of the configuration, and what this machine has.

export interface InstalledEngines {
  /** devices that an engine can be opened on here, as far as the disk tells; none = the engine is not installed */
  devices: Readonly<Record<EngineName, readonly Device[]>>;
  /** the library that `tfjs_node` would load for a device */
  tensorflow: Readonly<Partial<Record<Device, NativeTensorFlow>>>;
  /** the CUDA driver is installed */
  driver: boolean;
  /**
   * Why ONNX Runtime has no WebGPU device here (`software` false: no hardware device); undefined if it has one. `selectEngine` asks only if the
   * answer decides, because it takes a process.
   */
  webgpu?: (software: boolean) => string | undefined;
}

export interface EngineSelection {
  engine: EngineName;
  device: Device;
  tensorflow?: NativeTensorFlow;
  /** N2, if the default device is not here */
  notices: Issue[];
}

export const noDriver = 'no NVIDIA driver here (/dev/nvidiactl)';

/** Looks for the driver's control node, without which CUDA does not work. */
const hasCudaDriver = (): boolean => process.platform === 'linux' && existsSync('/dev/nvidiactl');

/** Looks at the disk and loads nothing; only `mdiff engine doctor` tries the engines. WebGPU is tried when `webgpu` is called. */
export function installedEngines(cacheDir: string, env: NodeJS.ProcessEnv = process.env): InstalledEngines {
  const cpu = locateTensorFlow({ cacheDir, device: 'cpu', env });
  const driver = hasCudaDriver();
  const cuda = driver ? locateTensorFlow({ cacheDir, device: 'cuda', env }) : undefined;
  const tensorflow: InstalledEngines['tensorflow'] = { ...(cpu && { cpu }), ...(cuda && { cuda }) };
  return {
    devices: {
      onnxruntime: engineDevices.onnxruntime.filter((device) => device !== 'webgpu'),
      tfjs_node: engineDevices.tfjs_node.filter((device) => tensorflow[device] !== undefined),
      tfjs: engineDevices.tfjs,
    },
    tensorflow,
    driver,
    webgpu: (software) => (software ? webgpuDeviceMissing({ env }) : hardwareDeviceMissing(cacheDir, { env })),
  };
}

const cudaMissing = (asked: EngineName | 'auto', { driver, tensorflow }: InstalledEngines): string | undefined => {
  if (asked === 'onnxruntime') return 'ONNX Runtime comes without CUDA from npm; engine "tfjs_node" has it';
  if (!driver) return noDriver;
  return tensorflow.cuda ? undefined : '"mdiff engine install tensorflow --cuda" makes native TensorFlow for it';
};

/** `device: auto` takes the first that is there. */
const deviceOrder: readonly Device[] = ['cuda', 'webgpu', 'cpu'];
/** `engine: auto` takes the first that runs on the device; it never takes the reference engine. */
const engineOrder: readonly EngineName[] = ['tfjs_node', 'onnxruntime'];

function requireEngine(engine: EngineName, { devices }: InstalledEngines): void {
  if (devices[engine].length > 0) return;
  const remedy =
    engine === 'tfjs_node'
      ? 'run "mdiff engine install tensorflow", or set engine to "auto" or "onnxruntime"'
      : 'set engine to "auto" or "onnxruntime"';
  throw new MdiffError('MDIFF_CONFIG', `engine: expected an engine that is installed here, got "${engine}"; ${remedy}`, 2);
}

/**
 * Selects engine and device. A device that the configuration sets and the machine lacks is an error; if it is only the default, a notice.
 * @throws ConfigError S1 (device), MdiffError MDIFF_CONFIG (engine), both with exit code 2
 */
export function selectEngine(config: ProjectConfig, installed: InstalledEngines): EngineSelection {
  const { devices, tensorflow } = installed;
  const { engine: askedEngine, device: askedDevice } = config;
  const engines = askedEngine === 'auto' ? engineOrder : [askedEngine];
  if (askedEngine !== 'auto') requireEngine(askedEngine, installed);
  let webgpu: { missing: string | undefined } | undefined;
  const hasWebGpu = (): boolean =>
    installed.webgpu !== undefined && (webgpu ??= { missing: installed.webgpu(askedDevice === 'webgpu') }).missing === undefined;
  const engineOn = (device: Device): EngineName | undefined =>
    engines.find((engine) => devices[engine].includes(device) || (device === 'webgpu' && engine === 'onnxruntime' && hasWebGpu()));
  const isHere = askedDevice !== 'auto' && engineOn(askedDevice) !== undefined;
  if (askedDevice !== 'auto' && !isHere && isSetIn(config, 'device')) {
    throw new ConfigError([startup.deviceAbsent(config, askedDevice === 'cuda' ? cudaMissing(askedEngine, installed) : webgpu?.missing)]);
  }
  const device = isHere ? askedDevice : deviceOrder.find((one) => engineOn(one) !== undefined)!;
  const engine = engineOn(device)!;
  const library = engine === 'tfjs_node' ? tensorflow[device] : undefined;
  return {
    engine,
    device,
    ...(library && { tensorflow: library }),
    notices: askedDevice === 'auto' || isHere ? [] : [startup.deviceFallback(config, device)],
  };
}
