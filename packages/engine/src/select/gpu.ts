import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { join } from 'node:path';
import { askNow } from './trial.js';
import type { Question } from './trial.js';

// Whether ONNX Runtime's WebGPU has a device here. Nothing says so but trying, in a process of its own: about a second. A device that was asked for
// by name may be a software one (SwiftShader, llvmpipe), which serves tests; `auto` takes only real hardware.

/** Why there is no such device, in one line; undefined where there is one. */
export type Missing = string | undefined;

/** Through these a driver reaches a GPU. */
const node = /^\/dev\/(dri\/renderD\d+|nvidia\d+|dxg)$/;
export const isGpuNode = (path: string): boolean => node.test(path);

const listed = (folder: string): string[] => {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
};

/** What may be a GPU, by a look at the disk. Windows has software devices that nothing here tells from real ones, so none counts. */
export function gpuNodes(platform: NodeJS.Platform = process.platform): string[] {
  if (platform === 'darwin') return ['Metal'];
  return platform === 'linux' ? [...listed('/dev'), ...listed('/dev/dri')].filter(isGpuNode) : [];
}

export const noGpu = (platform: NodeJS.Platform = process.platform): string =>
  platform === 'linux' ? 'no GPU here (/dev/dri/renderD*, /dev/nvidia*, /dev/dxg)' : 'a GPU is not looked for on this system; set device to "webgpu" to try';

const drivers: Partial<Record<NodeJS.Platform, string>> = { linux: 'a GPU with a Vulkan driver', darwin: 'a GPU with Metal', win32: 'a GPU with Direct3D 12' };

/** ONNX Runtime puts the place in its source before what it says. */
export const plainly = (reason: string): string => reason.replace(/^\S+\.(?:cc|h):\d+ .*? was false\. /, '');

export const noDevice = (reason: string): string => `ONNX Runtime got no WebGPU device: ${plainly(reason)}; it needs ${drivers[process.platform] ?? 'a GPU'}`;

type Try = (question: Question & { engine: 'onnxruntime' }) => Missing;

const tryNow =
  (env: NodeJS.ProcessEnv): Try =>
  (question) => {
    const outcome = askNow(question, { env });
    if (!outcome.ok) return noDevice(outcome.reason);
    if (outcome.answer.error > 1e-2) return `a product on its WebGPU device is off by ${outcome.answer.error}`;
    return question.software || outcome.answer.hardware ? undefined : 'its only WebGPU device is a software one';
  };

const question = { engine: 'onnxruntime', device: 'webgpu', threads: 1, seconds: 0 } as const;

export interface Looked {
  env?: NodeJS.ProcessEnv;
  nodes?: readonly string[];
  tried?: Try;
}

/** What `device: webgpu` needs: any device. */
export const anyDevice = ({ env = process.env, tried = tryNow(env) }: Looked = {}): Missing => tried({ ...question, software: true });

const answerFile = (cacheDir: string): string => join(cacheDir, 'webgpu.json');

/** What `device: auto` needs: real hardware. Where nothing looks like a GPU nothing is tried; else the answer is kept, until the machine or ONNX Runtime changes. */
export function realDevice(cacheDir: string, { env = process.env, nodes = gpuNodes(), tried = tryNow(env) }: Looked = {}): Missing {
  if (env.MDIFF_WEBGPU === '') return 'MDIFF_WEBGPU is set to nothing';
  if (nodes.length === 0) return noGpu();
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const key = [version, process.version, release(), ...nodes].join(' ');
  const file = answerFile(cacheDir);
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { key: string; missing?: string };
    if (kept.key === key) return kept.missing;
  } catch {
    // never asked, or a damaged answer
  }
  const missing = tried({ ...question, software: false });
  try {
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(file, `${JSON.stringify({ key, missing })}\n`);
  } catch {
    // asked again next time
  }
  return missing;
}

/** For who has just changed a driver. */
export const forgetDevice = (cacheDir: string): void => rmSync(answerFile(cacheDir), { force: true });
