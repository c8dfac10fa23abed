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
 * ONNX Runtime: fitted to runs of the compiled command, of 1 to 24 million parameters in batches of 1,024 to 4,096 tokens, within 6 % of each peak
 * (docs/log/2026-11-30-memory-six-shapes.md); recomputed blocks differ in the formula alone. Native TensorFlow: activations and state of
 * the processes of `npm run bench -- memory` (docs/log/2026-11-28-memory-recomputed.md), and a base by six runs of the command. The formula counts 4 bytes
 * an activation; the factor of an engine that keeps some in 2 bytes is smaller for it.
 */
const fits: Readonly<Record<'onnxruntime' | 'tfjs_node' | 'tfjs_node bfloat16', MemoryFit>> = {
  onnxruntime: {
    kept: { activationFactor: 0.89, stateFactor: 5.26, baseBytes: 279e6 },
    recomputed: { activationFactor: 0.89, stateFactor: 5.26, baseBytes: 279e6 },
  },
  tfjs_node: {
    kept: { activationFactor: 0.66, stateFactor: 4.15, baseBytes: 640e6 },
    recomputed: { activationFactor: 0.92, stateFactor: 4.42, baseBytes: 625e6 },
  },
  'tfjs_node bfloat16': {
    kept: { activationFactor: 0.19, stateFactor: 5.07, baseBytes: 610e6 },
    recomputed: { activationFactor: 0.33, stateFactor: 5.29, baseBytes: 580e6 },
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
