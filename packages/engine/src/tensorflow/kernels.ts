import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '@mdiff/folder/node';
import type { NativeTensorFlow, Variant } from './locate.js';
import { processor } from '../select/processor.js';

// The fused kernels of a built package: a library beside its addon, made from this package's own source for one kind of processor.

/** `engine.json` in a folder that `mdiff engine install` made: what it was made of. */
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
  /** the command and what it calls itself */
  compiler: string;
  /** instructions of the processor that it was made for */
  sets: readonly string[];
  /** why there is no library, where there is none */
  problem?: string;
}

/** In the built package; the name of a library, because `require` is not how it is loaded. */
export const KERNELS = join('lib', 'kernels.so');

/** This package's source of them; undefined where it comes with none. */
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

export type KernelState = { state: 'ready'; path: string; compiler?: string } | { state: 'absent' | 'outdated' | 'foreign' | 'failed'; reason: string };

/** Whether the kernels of a built package are this release's, and for this processor. A package that mdiff did not build is taken at its word. */
export function kernelState({ folder }: Pick<NativeTensorFlow, 'folder'>, source = kernelSource(), flags: readonly string[] = processor().flags): KernelState {
  const path = join(folder, KERNELS);
  const there = existsSync(path);
  const kernels = readEngineRecord(folder)?.kernels;
  if (kernels?.problem !== undefined) return { state: 'failed', reason: kernels.problem };
  if (!there) return { state: 'absent', reason: 'never compiled' };
  if (!kernels) return { state: 'ready', path };
  if (source === undefined || kernels.source !== sha256(readFileSync(source))) return { state: 'outdated', reason: 'made from the source of another release' };
  const here = new Set(flags);
  const missing = kernels.sets.filter((flag) => !here.has(flag));
  if (missing.length > 0) return { state: 'foreign', reason: `made for a processor with ${missing.slice(0, 3).join(', ')}` };
  return { state: 'ready', path, compiler: kernels.compiler };
}

/** The library of fused kernels that may be loaded with a built package here; undefined: the engine works without. */
export function kernelsOf(found: Pick<NativeTensorFlow, 'folder'>): string | undefined {
  const state = kernelState(found);
  return state.state === 'ready' ? state.path : undefined;
}
