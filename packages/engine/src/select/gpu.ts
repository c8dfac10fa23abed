import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '@mdiff/folder/node';
import { runTrialSync } from './trial.js';
import type { Trial } from './trial.js';

// mdiff detects a GPU for ONNX Runtime's WebGPU by starting a short test process (about one second). `device: webgpu` also accepts a software
// device (SwiftShader, llvmpipe), which is enough for tests; `device: auto` takes hardware only.

/** Files through which a driver reaches a GPU. */
const node = /^\/dev\/(dri\/renderD\d+|nvidia\d+|dxg)$/;
export const isGpuNode = (path: string): boolean => node.test(path);

const listed = (folder: string): string[] => {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
};

/** Files on the disk that may be a GPU's. None on Windows: it has software devices, which mdiff cannot tell from real ones. */
export function gpuNodes(platform: NodeJS.Platform = process.platform): string[] {
  if (platform === 'darwin') return ['Metal'];
  return platform === 'linux' ? [...listed('/dev'), ...listed('/dev/dri')].filter(isGpuNode) : [];
}

export const noGpu = (platform: NodeJS.Platform = process.platform): string =>
  platform === 'linux'
    ? 'no GPU here (/dev/dri/renderD*, /dev/nvidia*, /dev/dxg)'
    : 'mdiff does not look for a GPU on this system; set device to "webgpu" to try it';

const drivers: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'a GPU with a Vulkan driver',
  darwin: 'a GPU with Metal',
  win32: 'a GPU with Direct3D 12',
};

/** Cuts off the place in its source that ONNX Runtime puts before a message. */
export const plainReason = (reason: string): string => reason.replace(/^\S+\.(?:cc|h):\d+ .*? was false\. /, '');

export const noDevice = (reason: string): string =>
  `ONNX Runtime got no WebGPU device: ${plainReason(reason)}; it needs ${drivers[process.platform] ?? 'a GPU'}`;

/** Why the trial found no device, in one line; undefined if it found one. */
type DeviceTrial = (trial: Trial & { engine: 'onnxruntime' }) => string | undefined;

const deviceTrial =
  (env: NodeJS.ProcessEnv): DeviceTrial =>
  (trial) => {
    const outcome = runTrialSync(trial, { env });
    if (!outcome.ok) return noDevice(outcome.reason);
    const { error, hardware } = outcome.report;
    if (error > 1e-2) return `a product on its WebGPU device is off by ${error}`;
    return trial.software || hardware ? undefined : 'its only WebGPU device is a software one';
  };

const webgpuTrial = { engine: 'onnxruntime', device: 'webgpu', threads: 1, seconds: 0 } as const;

export interface GpuSearch {
  env?: NodeJS.ProcessEnv;
  /** what may be a GPU */
  nodes?: readonly string[];
  trial?: DeviceTrial;
}

/** Why there is no device for `device: webgpu`, software included; undefined if there is one. */
export const webgpuDeviceMissing = ({ env = process.env, trial = deviceTrial(env) }: GpuSearch = {}): string | undefined =>
  trial({ ...webgpuTrial, software: true });

/** The version of the installed ONNX Runtime, without loading it. */
export const ortVersion = (): string => (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;

const recordFile = (cacheDir: string): string => join(cacheDir, 'webgpu.json');

/**
 * Why there is no hardware device for `device: auto`; undefined if there is one. Without a file that may be a GPU's mdiff tries nothing. Else it
 * keeps the result in `cacheDir` until the machine or ONNX Runtime changes.
 */
export function hardwareDeviceMissing(
  cacheDir: string,
  { env = process.env, nodes = gpuNodes(), trial = deviceTrial(env) }: GpuSearch = {},
): string | undefined {
  if (env.MDIFF_WEBGPU === '') return 'MDIFF_WEBGPU is set to nothing';
  if (nodes.length === 0) return noGpu();
  const key = [ortVersion(), process.version, release(), ...nodes].join(' ');
  const file = recordFile(cacheDir);
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as { key: string; missing?: string };
    if (record.key === key) return record.missing;
  } catch {
    // never tried, or a damaged file
  }
  const missing = trial({ ...webgpuTrial, software: false });
  try {
    makeFolder(cacheDir);
    writeFileSync(file, `${JSON.stringify({ key, missing })}\n`);
  } catch {
    // tried again next time
  }
  return missing;
}

/** Removes the kept result, for a user who has changed a driver. */
export const forgetDevice = (cacheDir: string): void => rmSync(recordFile(cacheDir), { force: true });
