import { existsSync, readFileSync, realpathSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import type * as tfjsNode from '@tensorflow/tfjs-node';
import { TrainError } from './errors.js';
import { kernelsOf } from './kernels.js';

// Native TensorFlow, as an addon of tfjs-node: where it is, and how it is loaded. How it gets there is provision.ts.
// This module loads nothing by itself; types alone come from the optional peer.

export type TfjsNode = typeof tfjsNode;

export type Variant = 'cpu' | 'cuda';

export interface NativeTensorFlow {
  /** the tfjs-node package whose addon is built */
  folder: string;
  package: 'tfjs-node' | 'tfjs-node-gpu';
  /** of that package; TensorFlow's own is `tensorflowVersion` of the loaded module */
  version: string;
  /** what its TensorFlow was built for; a `cuda` one computes on the processor where it finds no GPU */
  variant: Variant;
  from: 'MDIFF_TENSORFLOW' | 'cache_dir' | 'node_modules';
}

export interface Where {
  cacheDir: string;
  device: Variant;
  env?: Readonly<Record<string, string | undefined>>;
}

/** The release of TensorFlow that `mdiff engine install` brings. */
export const TENSORFLOW = '2.21.0';

/** The release of tfjs-node and tfjs-node-gpu whose addon it compiles. */
export const TFJS_NODE = '4.22.0';

/** Node-API of the addon: tfjs-node knows 3 to 8, and every Node that runs mdiff offers at least 9. */
export const ADDON = join('lib', 'napi-v8', 'tfjs_binding.node');

/** Only packages that mdiff built have it: it loads the libraries without their greeting. */
export const QUIET = join('lib', 'quiet.node');

const packages: Record<Variant, NativeTensorFlow['package']> = { cpu: 'tfjs-node', cuda: 'tfjs-node-gpu' };
export const packageOf = (variant: Variant): NativeTensorFlow['package'] => packages[variant];

/** Where `mdiff engine install` puts a variant; the folder exists only once it is complete and has computed something. */
export const engineFolder = (cacheDir: string, variant: Variant): string =>
  resolve(cacheDir, 'engines', `tensorflow-${TENSORFLOW}-${variant}-${process.platform}-${process.arch}`);

function built(folder: string, from: NativeTensorFlow['from']): NativeTensorFlow | undefined {
  if (!existsSync(join(folder, ADDON))) return undefined;
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
  const variant = (['cpu', 'cuda'] as const).find((one) => name === `@tensorflow/${packages[one]}`);
  return variant && { folder, package: packages[variant], version, variant, from };
}

/** The folder of the installed tfjs-node(-gpu), with or without its addon; undefined where the optional peer is not installed. */
export function peerFolder(variant: Variant): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`@tensorflow/${packages[variant]}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Finds a built tfjs-node for a device: the folder that MDIFF_TENSORFLOW names, then `cache_dir/engines`, then the peers in node_modules.
 * On `cpu` the CUDA build serves where there is no other. @throws TrainError MDIFF_TENSORFLOW when MDIFF_TENSORFLOW names something else
 */
export function locateTensorFlow({ cacheDir, device, env = process.env }: Where): NativeTensorFlow | undefined {
  const variants: readonly Variant[] = device === 'cuda' ? ['cuda'] : ['cpu', 'cuda'];
  const asked = env.MDIFF_TENSORFLOW;
  if (asked) {
    const found = built(resolve(asked), 'MDIFF_TENSORFLOW');
    if (!found) throw new TrainError('MDIFF_TENSORFLOW', `MDIFF_TENSORFLOW: expected the folder of a tfjs-node package with ${ADDON}, got "${asked}"; unset it, or run "mdiff engine install tensorflow"`, 2);
    if (variants.includes(found.variant)) return found;
  }
  for (const variant of variants) {
    const found = built(engineFolder(cacheDir, variant), 'cache_dir');
    if (found) return found;
  }
  for (const variant of variants) {
    const peer = peerFolder(variant);
    const found = peer === undefined ? undefined : built(peer, 'node_modules');
    if (found) return found;
  }
  return undefined;
}

/**
 * Variables that native TensorFlow reads from the process when it is loaded. `process.env` of a worker thread is a copy that native
 * code does not see: assign them in the main thread, before the worker that loads TensorFlow starts. A variable that the user has set stays.
 */
export function tensorflowEnvironment(
  { variant }: Pick<NativeTensorFlow, 'variant'>,
  { device, threads = 0, parts = 1, bf16 = false }: { device: Variant; threads?: number; parts?: number; bf16?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const wanted: Record<string, string> = {
    // Its greeting and its hints on instruction sets are information; errors stay.
    TF_CPP_MIN_LOG_LEVEL: '2',
    // Operations side by side, and threads within each.
    ...(threads > 0 && { TF_NUM_INTRAOP_THREADS: String(threads / parts), ...(parts > 1 && { TF_NUM_INTEROP_THREADS: String(parts) }) }),
    ...(bf16 && { ONEDNN_DEFAULT_FPMATH_MODE: 'BF16' }),
    // The addon takes a GPU whenever TensorFlow lists one.
    ...(variant === 'cuda' && device === 'cpu' && { CUDA_VISIBLE_DEVICES: '-1' }),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined));
}

/**
 * Variables that glibc reads when a process starts, so a launcher sets them for a child: memory that a step gives back is kept, and asked for
 * in large pages. A step frees and takes the same buffers again. Empty where they mean nothing, where the user has set them, and with fused
 * kernels, which need few buffers and gain nothing by it (docs/log/2026-11-28-fused-kernels-caches.md): a second start costs a second.
 */
export function launcherEnvironment(
  { variant, folder }: Pick<NativeTensorFlow, 'variant' | 'folder'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
  glibc = hasGlibc(),
): Record<string, string> {
  if (!glibc || variant !== 'cpu' || env.GLIBC_TUNABLES !== undefined || kernelsOf({ folder }) !== undefined) return {};
  const settings = { mmap_threshold: 2 ** 32, trim_threshold: 2 ** 34, mmap_max: 0, hugetlb: 1 };
  return { GLIBC_TUNABLES: Object.entries(settings).map(([name, value]) => `glibc.malloc.${name}=${value}`).join(':') };
}

/** The C library that TensorFlow's wheels for Linux are built on; Alpine's is another. */
export const hasGlibc = (): boolean => process.platform === 'linux' && (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined;

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
 * @throws TrainError MDIFF_TENSORFLOW when it cannot be loaded
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
    throw new TrainError('MDIFF_TENSORFLOW', `${found.folder}: expected tfjs-node to load, got: ${reason}; run "mdiff engine install tensorflow${found.variant === 'cuda' ? ' --cuda' : ''} --force"`, 1, { cause });
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
