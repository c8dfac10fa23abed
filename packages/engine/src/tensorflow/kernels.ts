import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '@mdiff/folder/node';
import type { NativeTensorFlow, Variant } from './locate.js';
import { processor } from '../select/processor.js';

// The fused kernels of a built package: a library beside its addon, compiled from native/kernels.cc for one kind of processor.

/** `engine.json` in a folder that `mdiff engine install` made: the versions and files that it was made of. */
export interface EngineRecord {
  format_version: 1;
  tensorflow: string;
  variant: Variant;
  wheels: { file: string; sha256: string }[];
  created: string;
  kernels?: KernelRecord;
}

export interface KernelRecord {
  /** sha256 of the source */
  source: string;
  /** the command, and its version as it prints it */
  compiler: string;
  /** instruction sets of the processor that it was compiled for */
  sets: readonly string[];
  /** why there is no library, if it did not compile */
  problem?: string;
}

/** Its path in the built package. It is no `.node` file, because `dlopen` loads it and not `require`. */
export const KERNELS = join('lib', 'kernels.so');

/** The path of their source; undefined if the package was published without it. */
export function kernelSource(): string | undefined {
  const path = fileURLToPath(new URL('../../native/kernels.cc', import.meta.url));
  return existsSync(path) ? path : undefined;
}

export function readEngineRecord(folder: string): EngineRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'engine.json'), 'utf8')) as EngineRecord;
  } catch {
    return undefined;
  }
}

export type KernelState =
  { state: 'ready'; path: string; compiler?: string } | { state: 'absent' | 'outdated' | 'foreign' | 'failed'; reason: string };

/** Checks that the kernels of a built package are of this release and for this processor. It trusts a package that mdiff did not build. */
export function kernelState(
  { folder }: Pick<NativeTensorFlow, 'folder'>,
  source = kernelSource(),
  flags: readonly string[] = processor().flags,
): KernelState {
  const path = join(folder, KERNELS);
  const kernels = readEngineRecord(folder)?.kernels;
  if (kernels?.problem !== undefined) return { state: 'failed', reason: kernels.problem };
  if (!existsSync(path)) return { state: 'absent', reason: 'never compiled' };
  if (!kernels) return { state: 'ready', path };
  if (source === undefined || kernels.source !== sha256(readFileSync(source)))
    return { state: 'outdated', reason: 'made from the source of another release' };
  const available = new Set(flags);
  const missing = kernels.sets.filter((flag) => !available.has(flag));
  if (missing.length > 0) return { state: 'foreign', reason: `made for a processor with ${missing.slice(0, 3).join(', ')}` };
  return { state: 'ready', path, compiler: kernels.compiler };
}

/** The variants of products that a compiled library has, read from its file: a compiler may know fewer instructions than the processor has. */
export function compiledVariants(path: string): string[] {
  const file = readFileSync(path);
  const mark = 'mdiff products:';
  const begin = file.indexOf(mark);
  if (begin < 0) return [];
  const text = file.toString('latin1', begin + mark.length, file.indexOf(0, begin));
  return text.split(' ').filter((name) => name !== '');
}

/** The path of the fused kernels that fit a built package and this processor; undefined: the engine runs without them. */
export function kernelsOf(library: Pick<NativeTensorFlow, 'folder'>): string | undefined {
  const state = kernelState(library);
  return state.state === 'ready' ? state.path : undefined;
}
