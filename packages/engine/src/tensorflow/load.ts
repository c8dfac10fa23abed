import { existsSync, realpathSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import type * as tfjsNode from '@tensorflow/tfjs-node';
import { MdiffError } from '@mdiff/folder';
import { QUIET, peerFolder } from './locate.js';
import type { NativeTensorFlow } from './locate.js';

// Loads native TensorFlow through a tfjs-node package that locate.ts found. Types alone come from the optional peer.

export type TfjsNode = typeof tfjsNode;

interface Resolver {
  _resolveFilename(request: string, parent: { filename?: string | null } | undefined, ...rest: unknown[]): string;
}

/**
 * Runs `load` with the requirements of modules in `folder` met: a built package holds none of its own dependencies, so they come from where
 * the peer is installed; and `@tensorflow/tfjs` is the one this package uses, because two of them in a thread register everything twice.
 */
function withDependencies<T>(folder: string, peer: string | undefined, load: () => T): T {
  const here = createRequire(import.meta.url);
  const there = peer === undefined ? here : createRequire(join(peer, 'package.json'));
  const inside = realpathSync(folder) + sep;
  const resolver = Module as unknown as Resolver;
  const original = resolver._resolveFilename;
  resolver._resolveFilename = function (request, parent, ...rest) {
    if (parent?.filename?.startsWith(inside) && request === '@tensorflow/tfjs') return here.resolve(request);
    try {
      return original.call(this, request, parent, ...rest);
    } catch (error) {
      if (!parent?.filename?.startsWith(inside) || /^\.|^\//.test(request)) throw error;
      return there.resolve(request);
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

/** What the libraries say while they load is about them; anything else is passed on. */
function sayRest(said: string): void {
  const greeting = /absl::InitializeLog\(\)|oneDNN custom operations are on/;
  for (const line of said.split('\n')) if (line !== '' && !greeting.test(line)) process.stderr.write(`${line}\n`);
}

const libraryOf = ({ folder }: NativeTensorFlow): string => join(folder, 'deps', 'lib', 'libtensorflow_cc.so.2');

/**
 * Begins to load the library in a thread of its own, while the one that will use it still reads its modules: most of a second less to start
 * with two cores. Problems are left to {@link loadTensorFlow}, and so are packages that mdiff did not build.
 */
export function preloadTensorFlow(found: NativeTensorFlow): void {
  const quietly = join(found.folder, QUIET);
  if (!existsSync(quietly)) return;
  const script = "const { workerData: [quiet, library], parentPort } = require('node:worker_threads'); parentPort.postMessage(require(quiet).load(library));";
  const worker = new Worker(script, { eval: true, workerData: [quietly, libraryOf(found)], execArgv: [] });
  worker.on('message', sayRest).on('error', () => undefined);
  worker.unref();
}

/**
 * Loads native TensorFlow into this thread, synchronously; a second call returns the same module. It shares `@tensorflow/tfjs` with whatever
 * loaded that here, and makes `tensorflow` its current backend. Several threads may each load it, each with a state of its own. {@link tensorflowEnvironment} comes first.
 * @throws MdiffError MDIFF_TENSORFLOW when it cannot be loaded
 */
export function loadTensorFlow(found: NativeTensorFlow): TfjsNode {
  repairUtil();
  // Its platform replaces the one that tfjs has set, which outside production mode is worth a warning to tfjs.
  (createRequire(import.meta.url)('@tensorflow/tfjs') as { enableProdMode(): void }).enableProdMode();
  // Its dependencies use modules that Node has deprecated; that is nothing a user can act on.
  const quiet = process as { noDeprecation?: boolean };
  const { noDeprecation = false } = quiet;
  quiet.noDeprecation = true;
  try {
    const load = createRequire(join(found.folder, 'package.json'));
    const quietly = join(found.folder, QUIET);
    if (existsSync(quietly)) sayRest((load(quietly) as { load(path: string): string }).load(libraryOf(found)));
    return withDependencies(found.folder, peerFolder(found.variant) ?? peerFolder('cpu'), () => load(found.folder) as TfjsNode);
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0];
    throw new MdiffError('MDIFF_TENSORFLOW', `${found.folder}: expected tfjs-node to load, got: ${reason}; run "mdiff engine install tensorflow${found.variant === 'cuda' ? ' --cuda' : ''} --force"`, 1, { cause });
  } finally {
    quiet.noDeprecation = noDeprecation;
  }
}

interface Binding {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
}

const bindingOf = (tf: TfjsNode): Binding => (tf.findBackend('tensorflow') as unknown as { binding: Binding }).binding;

/** The version that the loaded TensorFlow library reports. */
export const tensorflowVersion = (tf: TfjsNode): string => bindingOf(tf).TF_Version;

/** Whether the loaded TensorFlow computes on a GPU. */
export const usesGpu = (tf: TfjsNode): boolean => bindingOf(tf).isUsingGpuDevice();
