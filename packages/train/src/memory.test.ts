import { ProjectConfig, estimateMemory } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { memoryOf, peakBytes } from './memory.js';
import type { MemorySetting } from './memory.js';

const { model: micro } = ProjectConfig.preset('micro');
const { model: nano } = ProjectConfig.preset('nano');
const { hardware } = ProjectConfig.default();
const deep = { ...micro, n_layers: 12, max_seq_len: 512 };

/** Measured by `npm run bench -- memory` on 2026-11-23: peak MB of a process that trains on B rows. */
const peaks: [MemorySetting['engine'], MemorySetting['precision'], ModelConfig, B: number, kept: number, recomputed: number][] = [
  ['onnxruntime', 'float32', nano, 16, 542, 498],
  ['onnxruntime', 'float32', micro, 64, 2124, 1258],
  ['onnxruntime', 'float32', deep, 16, 5053, 1574],
  ['tfjs_node', 'float32', nano, 16, 914, 846],
  ['tfjs_node', 'float32', micro, 64, 2249, 1393],
  ['tfjs_node', 'float32', deep, 16, 4175, 1768],
  ['tfjs_node', 'bfloat16', nano, 16, 847, 786],
  ['tfjs_node', 'bfloat16', micro, 64, 1681, 1498],
];

describe('the memory estimate with an engine’s numbers', () => {
  it.each(peaks)('%s in %s is within a quarter of what was measured', (engine, precision, model, batch_size, kept, recomputed) => {
    for (const [checkpointing, peak] of [[false, kept], [true, recomputed]] as const) {
      const training = { batch_size, use_gradient_checkpointing: checkpointing, ema_decay: 0 };
      const { total } = estimateMemory({ model, hardware, training }, memoryOf({ engine, precision, checkpointing }));
      // A quarter is what the specification asks of the estimate.
      expect(Math.abs(total / 1e6 / peak - 1), `${checkpointing}`).toBeLessThan(0.25);
    }
  });

  it('is the plain formula for the reference engine', () => {
    expect(memoryOf({ engine: 'tfjs', precision: 'float32', checkpointing: false })).toEqual({ activationFactor: 1, baseBytes: 0 });
  });

  it('has a measured peak beside it, in bytes', () => {
    // A Node process has tens of MB and this one no GB.
    expect(peakBytes()).toBeGreaterThan(2e7);
    expect(peakBytes()).toBeLessThan(4e9);
  });
});
