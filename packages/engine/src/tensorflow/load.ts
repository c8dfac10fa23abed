import { existsSync, realpathSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import type * as tfjsNode from '@tensorflow/tfjs-node';
import { MdiffError } from '@mdiff/folder';
import { QUIET, peerFolder } from './locate.js';
import type { NativeTensorFlow } from './locate.js';

// Loads native TensorFlow through a tfjs-node package that locate.ts found. From the optional peer this file imports types only.

export type TfjsNode = typeof tfjsNode;

interface Resolver {
  _resolveFilename(request: string, parent: { filename?: string | null } | undefined, ...rest: unknown[]): string;
}

/**
 * Runs `load` while modules in `folder` can require their dependencies. A built package holds none, so they come from the folder of the peer.
 * `@tensorflow/tfjs` comes from this package, because two copies in a thread register everything twice.
 */
function withDependencies<T>(folder: string, peer: string | undefined, load: () => T): T {
  const here = createRequire(import.meta.url);
  const fromPeer = peer === undefined ? here : createRequire(join(peer, 'package.json'));
  const inside = realpathSync(folder) + sep;
  const resolver = Module as unknown as Resolver;
  const original = resolver._resolveFilename;
  resolver._resolveFilename = function (request, parent, ...rest) {
    if (parent?.filename?.startsWith(inside) && request === '@tensorflow/tfjs') return here.resolve(request);
    try {
      return original.call(this, request, parent, ...rest);
    } catch (error) {
      if (!parent?.filename?.startsWith(inside) || /^\.|^\//.test(request)) throw error;
      return fromPeer.resolve(request);
    }
  };
  try {
    return load();
  } finally {
    resolver._resolveFilename = original;
  }
}

/** tfjs-node 4.22 calls functions that Node 23 removed from `util`. */
function repairUtil(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/** Passes on the output of a loading library, without its greeting. */
function passOn(output: string): void {
  const greeting = /absl::InitializeLog\(\)|oneDNN custom operations are on/;
  for (const line of output.split('\n')) if (line !== '' && !greeting.test(line)) process.stderr.write(`${line}\n`);
}

const sharedObject = ({ folder }: NativeTensorFlow): string => join(folder, 'deps', 'lib', 'libtensorflow_cc.so.2');

/**
 * Begins to load the library in a thread of its own, while the engine's thread still reads its modules. With two cores that saves most of a
 * second. It ignores packages that mdiff did not build; {@link loadTensorFlow} loads them, and reports any problem.
 */
export function preloadTensorFlow(library: NativeTensorFlow): void {
  const quiet = join(library.folder, QUIET);
  if (!existsSync(quiet)) return;
  const script =
    "const { workerData: [quiet, library], parentPort } = require('node:worker_threads'); parentPort.postMessage(require(quiet).load(library));";
  const worker = new Worker(script, { eval: true, workerData: [quiet, sharedObject(library)], execArgv: [] });
  worker.on('message', passOn).on('error', () => undefined);
  worker.unref();
}

/**
 * Loads native TensorFlow into this thread, synchronously; a second call returns the same module. It uses the thread's `@tensorflow/tfjs`, and
 * makes `tensorflow` its current backend. Each thread that loads it has a state of its own. Set {@link tensorflowEnvironment} before.
 * @throws MdiffError MDIFF_TENSORFLOW if it cannot be loaded
 */
export function loadTensorFlow(library: NativeTensorFlow): TfjsNode {
  repairUtil();
  // tfjs-node replaces the platform that tfjs has set. Outside production mode tfjs warns about that.
  (createRequire(import.meta.url)('@tensorflow/tfjs') as { enableProdMode(): void }).enableProdMode();
  // Its dependencies use modules that Node has deprecated, about which a user can do nothing.
  const warnings = process as { noDeprecation?: boolean };
  const { noDeprecation = false } = warnings;
  warnings.noDeprecation = true;
  try {
    const load = createRequire(join(library.folder, 'package.json'));
    const quiet = join(library.folder, QUIET);
    if (existsSync(quiet)) passOn((load(quiet) as { load(path: string): string }).load(sharedObject(library)));
    return withDependencies(library.folder, peerFolder(library.variant) ?? peerFolder('cpu'), () => load(library.folder) as TfjsNode);
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0];
    throw new MdiffError(
      'MDIFF_TENSORFLOW',
      `cannot load native TensorFlow from ${library.folder}: ${reason}; run "mdiff engine install tensorflow${library.variant === 'cuda' ? ' --cuda' : ''} --force"`,
      1,
      { cause },
    );
  } finally {
    warnings.noDeprecation = noDeprecation;
  }
}

interface Binding {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
}

const bindingOf = (tf: TfjsNode): Binding => (tf.findBackend('tensorflow') as unknown as { binding: Binding }).binding;

/** The version that the loaded TensorFlow library reports. */
export const tensorflowVersion = (tf: TfjsNode): string => bindingOf(tf).TF_Version;

/** True if the loaded TensorFlow computes on a GPU. */
export const usesGpu = (tf: TfjsNode): boolean => bindingOf(tf).isUsingGpuDevice();
