import { readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  ADDON,
  KERNELS,
  TENSORFLOW,
  TFJS_NODE,
  engineFolder,
  kernelSource,
  kernelState,
  packageOf,
  peerFolder,
  processor,
  readEngineRecord,
  runTrial,
} from '@mdiff/engine';
import type { EngineRecord, KernelRecord, NativeTensorFlow, Variant } from '@mdiff/engine';
import { MdiffError, diskError, places } from '@mdiff/folder';
import type { Place } from '@mdiff/folder';
import { lockFolder, makeFolder, writeFileWhole } from '@mdiff/folder/node';
import { compileAddon, compileKernels, copyPackage, findCompiler } from './addon.js';
import { pins as pinned } from './pins.js';
import type { Pin } from './pins.js';
import type { Program, Running } from './pip.js';
import { checkPlatform, checkSpace } from './platform.js';
import type { Platform } from './platform.js';
import { unpack } from './unpack.js';
import { fetchWheels } from './wheels.js';
import type { Watcher } from './wheels.js';

// Native TensorFlow for tfjs-node, made in `cache_dir/engines`: mdiff fetches TensorFlow's wheel, unpacks its libraries into a copy of the
// installed tfjs-node package, and compiles an addon against them. Nothing outside that folder changes. The package gets its name only
// after it has computed a product.

type Check = (found: NativeTensorFlow, kernels?: string) => Promise<void>;

export interface ProvisionOptions {
  cacheDir: string;
  variant: Variant;
  /** makes it anew although it is there */
  force?: boolean;
  watch: Watcher;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** ms before a broken connection is tried again */
  pause?: number;
  /** tests bring small ones */
  pins?: readonly Pin[];
  /** the installed tfjs-node package, where it is not found by its name */
  peer?: string;
  /** this machine unless given */
  platform?: Platform;
  /** source of the fused kernels */
  kernels?: string;
  /** rejects when a built package does not work, with its kernels if a path is given; unless given, a child process computes a product */
  check?: Check;
}

export interface Provisioned {
  found: NativeTensorFlow;
  /** 'kernels': it was there, with none or others */
  made: 'all' | 'kernels' | 'nothing';
}

/** One installation, with every option settled. */
interface Installation {
  /** the command that the user typed, for messages */
  command: string;
  variant: Variant;
  /** where the package goes */
  folder: string;
  /** where it is made; an earlier attempt's downloads are in it */
  work: string;
  pins: readonly Pin[];
  peer: string | undefined;
  kernels: string | undefined;
  watch: Watcher;
  pause: number | undefined;
  running: Running;
  check: Check;
}

const commandOf = (variant: Variant): string => `mdiff engine install tensorflow${variant === 'cuda' ? ' --cuda' : ''}`;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Which path in the package an entry of a wheel gets: TensorFlow's libraries and C headers, and the libraries of CUDA where they look for them. */
function placeOf(name: string): string | undefined {
  const library = /^tensorflow\/(libtensorflow_(?:cc|framework)\.so\.2)$/.exec(name);
  if (library) return join('deps', 'lib', library[1]!);
  const header =
    /^tensorflow\/include\/((?:tensorflow\/c|tensorflow\/core\/platform|tensorflow\/core\/common_runtime\/next_pluggable_device\/c|tsl\/platform|xla\/tsl\/c)\/.*\.h)$/.exec(
      name,
    );
  if (header) return join('deps', 'include', header[1]!);
  return /^nvidia\/(?:[^/]+\/lib\/[^/]+\.so[^/]*|cuda_nvcc\/(?:bin|nvvm)\/.*[^/])$/.test(name) ? join('deps', name) : undefined;
}

/** @throws MdiffError MDIFF_TENSORFLOW when a child process cannot compute a product with it */
async function checkProduct(found: NativeTensorFlow, { env, signal }: Running, kernels?: string): Promise<void> {
  const outcome = await runTrial(
    {
      engine: 'tensorflow',
      library: found,
      device: found.variant,
      bf16: false,
      threads: 1,
      seconds: 0,
      ...(kernels !== undefined && { kernels }),
    },
    { env, signal },
  );
  const remedy = 'train with engine "onnxruntime", and report this';
  if (!outcome.ok)
    throw new MdiffError('MDIFF_TENSORFLOW', `${found.folder}: TensorFlow cannot compute a product ("${outcome.reason}"); ${remedy}`);
  // Sixty-four products of numbers below one, added in float32: 1e-5 is hundreds of roundings.
  if (!(outcome.report.error < 1e-5))
    throw new MdiffError('MDIFF_TENSORFLOW', `${found.folder}: expected a product right to 1e-5, got ${outcome.report.error}; ${remedy}`);
}

/** Compiles the fused kernels and tries them in a process of their own. TensorFlow works without them, so a failure is only reported. */
async function makeKernels(
  found: NativeTensorFlow,
  source: string,
  compiler: Program,
  { watch, check, running }: Installation,
): Promise<KernelRecord> {
  watch.phase(`compiling the fused kernels with ${compiler.join(' ')} for ${processor().name}`);
  let record = await compileKernels(found.folder, source, compiler, running);
  if (record.problem === undefined) {
    try {
      await check(found, join(found.folder, KERNELS));
    } catch (error) {
      running.signal?.throwIfAborted();
      await rm(join(found.folder, KERNELS), { force: true });
      record = { ...record, problem: (error as Error).message };
    }
  }
  if (record.problem !== undefined) watch.phase(`without fused kernels, which make training faster: ${record.problem}`);
  return record;
}

const installing: Place = { ...places.cache, again: 'run the command again: it continues from what is there' };

const writeRecord = (folder: string, record: EngineRecord): Promise<void> =>
  writeFileWhole(join(folder, 'engine.json'), `${JSON.stringify(record, null, 2)}\n`, installing);

/** Takes `work` for this process alone; an earlier attempt's files in it stay. */
export async function withLock<T>(work: string, task: () => Promise<T>): Promise<T> {
  let release: (() => Promise<void>) | undefined;
  try {
    release = await lockFolder(resolve(work), {
      task: 'installation',
      busy: 'wait for it',
      lost: 'run the command again',
      place: installing,
    });
    return await task();
  } catch (error) {
    throw diskError(work, error, { task: 'write', place: installing });
  } finally {
    await release?.();
  }
}

const nativeIn = (folder: string, variant: Variant): NativeTensorFlow => ({
  folder,
  package: packageOf(variant),
  version: TFJS_NODE,
  variant,
  from: 'cache_dir',
});

/** The package is there: makes its kernels if it has none, or others. */
async function renewKernels(installation: Installation): Promise<Provisioned> {
  const { command, variant, folder, work, kernels, running } = installation;
  const found = nativeIn(folder, variant);
  const record = readEngineRecord(folder);
  if (!record || kernels === undefined || kernelState(found, kernels).state === 'ready') return { found, made: 'nothing' };
  const compiler = await findCompiler(command, running);
  const made = await withLock(work, async () => {
    const latest = await makeKernels(found, kernels, compiler, installation);
    await writeRecord(folder, { ...record, kernels: latest });
    return latest;
  });
  if (!(await exists(join(work, 'wheels')))) await rm(work, { recursive: true, force: true });
  return { found, made: made.problem === undefined ? 'kernels' : 'nothing' };
}

/** Unpacks the libraries into a copy of the tfjs-node package at `peer`. */
async function unpackLibraries(peer: string, wheels: string, built: string, { pins, watch, running }: Installation): Promise<void> {
  watch.phase('unpacking the libraries');
  await rm(built, { recursive: true, force: true });
  await copyPackage(peer, built);
  for (const { file } of pins) await unpack(join(wheels, file), built, placeOf, running.signal);
  for (const library of ['cc', 'framework']) {
    const file = join(built, 'deps', 'lib', `libtensorflow_${library}.so.2`);
    if (!(await exists(file)))
      throw new MdiffError('MDIFF_DAMAGED', `${pins[0]!.file}: expected tensorflow/${basename(file)} inside, got none; report this`);
    // tfjs-node's own build files look for these names.
    await symlink(basename(file), join(dirname(file), library === 'cc' ? 'libtensorflow.so' : 'libtensorflow_framework.so'));
  }
}

/** Compiles the addon and the kernels of the unpacked package and tries them; writes its record. */
async function completePackage(built: string, compiler: Program, installation: Installation): Promise<void> {
  const { variant, pins, kernels, watch, running, check } = installation;
  const found = nativeIn(built, variant);
  watch.phase(`compiling the addon with ${compiler.join(' ')}`);
  await compileAddon(built, compiler, running);
  watch.phase('computing a product in a process of its own');
  await check(found);
  running.signal?.throwIfAborted();
  const made = kernels === undefined ? undefined : await makeKernels(found, kernels, compiler, installation);
  await writeRecord(built, {
    format_version: 1,
    tensorflow: TENSORFLOW,
    variant,
    wheels: pins.map(({ file, sha256 }) => ({ file, sha256 })),
    created: new Date().toISOString(),
    ...(made && { kernels: made }),
  });
  running.signal?.throwIfAborted();
}

async function replaceFolder(folder: string, built: string): Promise<void> {
  const old = `${folder}.old`;
  await rm(old, { recursive: true, force: true });
  if (await exists(folder)) await rename(folder, old);
  await rename(built, folder);
  await rm(old, { recursive: true, force: true });
}

async function install(installation: Installation): Promise<Provisioned> {
  const { command, variant, folder, work, pins, peer, watch, running, pause } = installation;
  if (peer === undefined) {
    const wanted = `@tensorflow/${packageOf(variant)}`;
    throw new MdiffError(
      'MDIFF_PEER',
      `${command}: the package ${wanted} is not installed; run npm install --ignore-scripts ${wanted}@${TFJS_NODE}, then this command again`,
    );
  }
  const compiler = await findCompiler(command, running);
  const wheels = join(work, 'wheels');
  const built = join(work, 'package');
  await withLock(work, async () => {
    makeFolder(wheels);
    await checkSpace(work, pins, await sizeIn(wheels));
    await fetchWheels({ command, wheels: pins, folder: wheels, watch, running, pause });
    await unpackLibraries(peer, wheels, built, installation);
    await completePackage(built, compiler, installation);
    await replaceFolder(folder, built);
  });
  await rm(work, { recursive: true, force: true });
  return { found: nativeIn(folder, variant), made: 'all' };
}

/**
 * Makes native TensorFlow in `cache_dir/engines`, or finds it there. The next attempt uses what an interrupted or failed one has downloaded.
 * @throws MdiffError, one line: MDIFF_PLATFORM, MDIFF_PEER, MDIFF_COMPILER, MDIFF_PIP, MDIFF_NETWORK, MDIFF_DAMAGED, MDIFF_WRITE, MDIFF_LOCKED, MDIFF_TENSORFLOW
 */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const {
    cacheDir,
    variant,
    force = false,
    watch,
    env = process.env,
    signal,
    pause,
    pins = pinned[variant],
    peer = peerFolder(variant),
    kernels = kernelSource(),
  } = options;
  const command = commandOf(variant);
  checkPlatform(command, options.platform);
  const folder = engineFolder(cacheDir, variant);
  const running: Running = { env, signal };
  const check: Check = options.check ?? ((found, library) => checkProduct(found, running, library));
  const installation: Installation = {
    command,
    variant,
    folder,
    work: `${folder}.part`,
    pins,
    peer,
    kernels,
    watch,
    pause,
    running,
    check,
  };
  return !force && (await exists(join(folder, ADDON))) ? renewKernels(installation) : install(installation);
}

async function sizeIn(folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name)).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
