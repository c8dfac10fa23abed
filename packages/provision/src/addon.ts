import { copyFile, cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MdiffError } from '@mdiff/folder';
import { makeFolder, sha256 } from '@mdiff/folder/node';
import { ADDON, KERNELS, QUIET, processor } from '@mdiff/engine';
import type { KernelRecord } from '@mdiff/engine';
import { run } from './pip.js';
import type { Ended, Program, Running } from './pip.js';

// tfjs-node's addon, compiled against TensorFlow's C library. Its sources use only Node-API, whose headers are an npm package. So a C++
// compiler is enough: no node-gyp, no Python, no headers of this Node. One addon works in every version of Node.

const compilers = ({ CXX }: NodeJS.ProcessEnv): readonly Program[] => [
  ...(CXX ? [CXX.trim().split(/\s+/) as [string, ...string[]]] : []),
  ['c++'],
  ['g++'],
  ['clang++'],
];

/** @throws MdiffError MDIFF_COMPILER when none runs */
export async function findCompiler(command: string, running: Running): Promise<Program> {
  for (const compiler of compilers(running.env)) {
    if ((await run(compiler, ['--version'], running)).code === 0) return compiler;
    running.signal?.throwIfAborted();
  }
  const asked = running.env.CXX ? `CXX=${running.env.CXX}, ` : '';
  throw new MdiffError(
    'MDIFF_COMPILER',
    `${command} needs a C++ compiler, and none of these runs: ${asked}c++, g++, clang++; install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++) and run the command again`,
  );
}

/** Copies the files that a tfjs-node package needs at run time, and its addon's sources, to `folder`. */
export async function copyPackage(peer: string, folder: string): Promise<void> {
  makeFolder(folder);
  await copyFile(join(peer, 'package.json'), join(folder, 'package.json'));
  for (const part of ['dist', 'binding']) await cp(join(peer, part), join(folder, part), { recursive: true, dereference: true });
}

const headers = (): string => (createRequire(import.meta.url)('node-api-headers') as { include_dir: string }).include_dir;
const nodeApi = (): string[] => ['-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION', '-I', headers()];
/** `up` leads from the target's folder to the package. */
const tensorflow = (up: string): string[] => [
  '-I',
  'deps/include',
  '-L',
  'deps/lib',
  '-l:libtensorflow_cc.so.2',
  '-l:libtensorflow_framework.so.2',
  `-Wl,-rpath,$ORIGIN/${up}/deps/lib`,
];

/** Flags of the user's own, after ours. */
const userFlags = ({ CXXFLAGS }: NodeJS.ProcessEnv): string[] => (CXXFLAGS ?? '').split(/\s+/).filter((flag) => flag !== '');

export const firstError = ({ code, errors }: Ended): string =>
  (errors.split('\n').find((one) => /error/i.test(one)) ?? `exit code ${code}`).trim().slice(0, 200);

/**
 * Compiles the addon of the package in `folder`, whose deps/ holds TensorFlow, and the one that loads TensorFlow quietly.
 * @throws MdiffError MDIFF_COMPILER with the compiler's first error
 */
export async function compileAddon(folder: string, compiler: Program, running: Running): Promise<void> {
  makeFolder(join(folder, ADDON, '..'));
  const compile = async (target: string, args: readonly string[]): Promise<void> => {
    const ended = await run(compiler, [...nodeApi(), '-O2', ...args, '-o', target], { ...running, cwd: folder });
    running.signal?.throwIfAborted();
    if (ended.code === 0) return;
    const log = join(folder, '..', 'compile.log');
    await writeFile(log, ended.errors);
    throw new MdiffError(
      'MDIFF_COMPILER',
      `${compiler.join(' ')} cannot compile tfjs-node's addon ("${firstError(ended)}"); the whole output is in ${log}; try another compiler with CXX=…`,
    );
  };
  await compile(QUIET, [fileURLToPath(new URL('../native/quiet.cc', import.meta.url)), '-ldl']);
  await compile(ADDON, ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', '-I', '.', ...tensorflow('../..')]);
  await rm(join(folder, 'binding'), { recursive: true });
}

/** For the processor that compiles: the kernels take most of a step, and their speed depends on its widest registers. */
const KERNEL_FLAGS = [
  '-O3',
  '-march=native',
  '-mprefer-vector-width=512',
  '-pthread',
  '-fopenmp-simd',
  '-fno-math-errno',
  '-fno-trapping-math',
];

/**
 * Compiles the fused kernels to `lib/kernels.so` of the package in `folder`. The kernels are optional, so a failure is not thrown.
 * @returns the record for `engine.json`, with the problem if there was one
 */
export async function compileKernels(folder: string, source: string, compiler: Program, running: Running): Promise<KernelRecord> {
  const { output } = await run(compiler, ['--version'], running);
  const [command, version] = [compiler.join(' '), output.split('\n')[0]!.trim()];
  const record = {
    source: sha256(await readFile(source)),
    compiler: version.startsWith(command) ? version : `${command}: ${version}`,
    sets: processor().flags,
  };
  makeFolder(join(folder, 'lib'));
  const part = `${KERNELS}.tmp-${process.pid}`;
  try {
    const ended = await run(compiler, [...nodeApi(), ...KERNEL_FLAGS, ...userFlags(running.env), source, ...tensorflow('..'), '-o', part], {
      ...running,
      cwd: folder,
    });
    running.signal?.throwIfAborted();
    if (ended.code !== 0) {
      await rm(join(folder, KERNELS), { force: true });
      return { ...record, problem: firstError(ended) };
    }
    await rename(join(folder, part), join(folder, KERNELS));
    return record;
  } finally {
    await rm(join(folder, part), { force: true });
  }
}
