import type { Issue, ProjectConfig } from '@mdiff/config';
import { installedEngines, resolveEngine } from './select.js';
import type { Device, EngineName } from './select.js';
import { threadsOf } from '../open.js';
import { memoryOf } from './memory.js';
import type { MemoryFactors } from './memory.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';
import { precisionOf } from './precision.js';
import type { Precision } from './precision.js';

// What computes a run: resolved once, before anything is read, said in one line and kept in run.json.

export interface Using {
  engine: EngineName;
  device: Device;
  threads: number;
  precision: Precision;
}

export interface Compute {
  using: Using;
  tensorflow?: NativeTensorFlow;
  /** the engine's numbers for the memory estimate */
  memory: MemoryFactors;
  /** N1 and N2: what differs from what was asked for */
  notices: Issue[];
}

/** Engine, device and precision of a configuration on this machine. @throws what `resolveEngine` throws */
export function computeOf(config: ProjectConfig): Compute {
  const { engine, device, tensorflow, notices } = resolveEngine(config, installedEngines(config.cache_dir));
  const { precision, notices: inexact } = precisionOf(config, { engine, device });
  return {
    using: { engine, device, threads: threadsOf(engine, config.hardware.cpu_threads), precision },
    ...(tensorflow && { tensorflow }),
    memory: memoryOf({ engine, precision, checkpointing: config.training.use_gradient_checkpointing }),
    notices: [...notices, ...inexact],
  };
}

export const described = ({ engine, device, threads, precision }: Using): string =>
  `${engine} on ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${precision}`;

/** Whether two runs of the same steps give the same bits, as far as what computes them decides it. */
export const sameBits = (a: Using, b: Using): boolean => (['engine', 'device', 'threads', 'precision'] as const).every((key) => a[key] === b[key]);
