import { readFileSync } from 'node:fs';
import type { MemoryOptions } from '@mdiff/config';
import type { EngineName } from './choice.js';
import type { Precision } from './precision.js';

// What an engine's process holds, for the memory estimate of @mdiff/config: its share of the activations that the formula counts, and what it
// has loaded before the first batch.

export type MemoryFactors = Required<Pick<MemoryOptions, 'activationFactor' | 'baseBytes'>>;

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
 * Fitted by `npm run bench -- memory` to networks of 1 to 14 million parameters in batches of 2,048 to 8,192 tokens: within 19 % of each peak
 * (docs/log.md). Activations are counted in 4 bytes; that an engine holds some in 2 is in its factor.
 */
const measured: Readonly<Record<'onnxruntime' | 'tfjs_node' | 'tfjs_node bfloat16', Measured>> = {
  onnxruntime: { kept: { activationFactor: 0.93, baseBytes: 364e6 }, recomputed: { activationFactor: 0.79, baseBytes: 423e6 } },
  tfjs_node: { kept: { activationFactor: 0.73, baseBytes: 807e6 }, recomputed: { activationFactor: 0.55, baseBytes: 829e6 } },
  'tfjs_node bfloat16': { kept: { activationFactor: 0.29, baseBytes: 866e6 }, recomputed: { activationFactor: 0.55, baseBytes: 829e6 } },
};

/** The reference was not measured: the formula's own terms, a lower bound. */
const unmeasured: MemoryFactors = { activationFactor: 1, baseBytes: 0 };

/** The two numbers of an engine that `estimateMemory` takes. */
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
