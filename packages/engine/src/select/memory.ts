import { readFileSync } from 'node:fs';
import type { MemoryOptions } from '@mdiff/config';
import type { EngineName } from './select.js';
import type { Precision } from './precision.js';

// What an engine's process holds, for the memory estimate of @mdiff/config: its share of the activations that the formula counts, its copies of
// the state, and what it has loaded before the first batch.

export type MemoryFactors = Required<Pick<MemoryOptions, 'activationFactor' | 'stateFactor' | 'baseBytes'>>;

export interface MemorySetting {
  engine: EngineName;
  precision: Precision;
  /** blocks are recomputed in the backward pass */
  checkpointing: boolean;
}

interface Measured {
  kept: MemoryFactors;
  recomputed: MemoryFactors;
}

/**
 * Fitted by `npm run bench -- memory` to networks of 1 to 24 million parameters in batches of 2,048 to 8,192 tokens, saving and export included:
 * within 10 % of each peak (docs/log/2026-11-28-memory-recomputed.md). Activations are counted in 4 bytes; that an engine holds some in 2 is in its factor.
 */
const measured: Readonly<Record<'onnxruntime' | 'tfjs_node' | 'tfjs_node bfloat16', Measured>> = {
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

/** The reference was not measured: the formula's own terms, a lower bound. */
const unmeasured: MemoryFactors = { activationFactor: 1, stateFactor: 1, baseBytes: 0 };

/** The three numbers of an engine that `estimateMemory` takes. */
export function memoryOf({ engine, precision, checkpointing }: MemorySetting): MemoryFactors {
  if (engine === 'tfjs') return unmeasured;
  const found = measured[engine === 'tfjs_node' && precision === 'bfloat16' ? 'tfjs_node bfloat16' : engine];
  return checkpointing ? found.recomputed : found.kept;
}

/** Largest resident memory of this process so far, bytes. */
export function peakBytes(): number {
  try {
    // The process's own; what the system counts for getrusage may be that of the process it was forked from.
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
