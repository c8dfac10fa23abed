import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { MemoryOptions } from '@mdiff/config';
import type { EngineName, Precision } from '../devices.js';

// The memory of an engine's process, as three numbers for the estimate of @mdiff/config: the share of the formula's activations that it keeps,
// the copies of the state that it holds, and the bytes in use before the first batch.

export type MemoryFactors = Required<Pick<MemoryOptions, 'activationFactor' | 'stateFactor' | 'baseBytes'>> &
  Pick<MemoryOptions, 'limitBytes'>;

export interface MemorySetting {
  engine: EngineName;
  precision: Precision;
  /** the backward pass computes blocks again */
  checkpointing: boolean;
}

interface MemoryFit {
  kept: MemoryFactors;
  recomputed: MemoryFactors;
}

/**
 * Fitted by `npm run bench -- memory` to networks of 1 to 24 million parameters in batches of 2,048 to 8,192 tokens, saving and export included:
 * within 10 % of each peak (docs/log/2026-11-28-memory-recomputed.md). The formula counts 4 bytes an activation; the factor of an engine that
 * keeps some in 2 bytes is smaller for it.
 */
const fits: Readonly<Record<'onnxruntime' | 'tfjs_node' | 'tfjs_node bfloat16', MemoryFit>> = {
  onnxruntime: {
    kept: { activationFactor: 0.82, stateFactor: 5.78, baseBytes: 521e6 },
    recomputed: { activationFactor: 0.83, stateFactor: 6.15, baseBytes: 510e6 },
  },
  tfjs_node: {
    kept: { activationFactor: 0.66, stateFactor: 4.15, baseBytes: 815e6 },
    recomputed: { activationFactor: 0.92, stateFactor: 4.42, baseBytes: 798e6 },
  },
  'tfjs_node bfloat16': {
    kept: { activationFactor: 0.19, stateFactor: 5.07, baseBytes: 863e6 },
    recomputed: { activationFactor: 0.33, stateFactor: 5.29, baseBytes: 828e6 },
  },
};

/** The reference engine is not measured. It gets the formula's own terms, a lower bound. */
const lowerBound: MemoryFactors = { activationFactor: 1, stateFactor: 1, baseBytes: 0 };

/** The three numbers of an engine that `estimateMemory` takes. */
export function memoryOf({ engine, precision, checkpointing }: MemorySetting): MemoryFactors {
  if (engine === 'tfjs') return lowerBound;
  const fit = fits[engine === 'tfjs_node' && precision === 'bfloat16' ? 'tfjs_node bfloat16' : engine];
  return checkpointing ? fit.recomputed : fit.kept;
}

/** Bytes of memory that this process can have: the machine's, or what its container allows. */
export function memoryLimit(): number {
  const allowed = process.constrainedMemory(); // 0: not known; a huge number: no limit
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

/** Largest resident memory of this process so far, bytes. */
export function peakBytes(): number {
  try {
    // getrusage may count the process that this one was forked from.
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
