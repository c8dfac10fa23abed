import { ProjectConfig, estimateMemory } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import { memoryOf, peakBytes } from './memory.js';
import type { MemorySetting } from './memory.js';

const { model: micro } = ProjectConfig.preset('micro');
const { model: nano } = ProjectConfig.preset('nano');
const { hardware } = ProjectConfig.default();
const four = { ...micro, n_layers: 4, vocab_size: 4096 };

const base = { ...micro, n_layers: 7, max_seq_len: 256, vocab_size: 16384 };
const tiny = { ...nano, vocab_size: 4096 };
const kept = { engine: 'onnxruntime', precision: 'float32', checkpointing: false } as const;
const bfloat16 = { ...kept, engine: 'tfjs_node', precision: 'bfloat16' } as const;
const large = { ...four, n_layers: 7, d_model: 512, n_heads: 8, d_ff: 1376 };
const recomputed = { ...kept, checkpointing: true };

/** Peak MB of `mdiff train`, compiled, with two steps, an evaluation, checkpoints and export (docs/log/2026-11-30-memory-six-shapes.md). */
const commands: [name: string, MemorySetting, ModelConfig, B: number, peak: number][] = [
  ['4 × 128, 16 × 128', kept, tiny, 16, 570],
  ['4 × 256, 16 × 128', kept, four, 16, 918],
  ['7 × 256, 16 × 256', kept, base, 16, 2397],
  ['7 × 512, 8 × 128', kept, large, 8, 2509],
  ['12 × 256, 32 × 128', kept, { ...four, n_layers: 12 }, 32, 2483],
  ['3 × 768, 16 × 128', kept, { ...four, n_layers: 3, d_model: 768, n_heads: 12, d_ff: 2048 }, 16, 2932],
  ['4 × 256, 16 × 128, recomputed', recomputed, four, 16, 797],
  ['7 × 256, 16 × 256, recomputed', recomputed, base, 16, 1755],
  ['7 × 256, 16 × 256, native TensorFlow', { ...kept, engine: 'tfjs_node' }, base, 16, 2138],
  ['12 × 256, 32 × 128, native TensorFlow', { ...kept, engine: 'tfjs_node' }, { ...four, n_layers: 12 }, 32, 2480],
  ['4 × 128, 16 × 128, native TensorFlow in bfloat16', bfloat16, tiny, 16, 738],
  ['4 × 256, 16 × 128, native TensorFlow in bfloat16', bfloat16, four, 16, 982],
  ['7 × 256, 16 × 256, native TensorFlow in bfloat16', bfloat16, base, 16, 1835],
  ['7 × 512, 8 × 128, native TensorFlow in bfloat16', bfloat16, large, 8, 2679],
];

describe('the memory estimate with an engine’s numbers', () => {
  it.each(commands)('is within 15 %% of what the command took: %s', (_, setting, model, batch_size, peak) => {
    const training = { batch_size, use_gradient_checkpointing: setting.checkpointing, ema_decay: 0 };
    const { total } = estimateMemory({ model, hardware, training }, memoryOf(setting));
    expect(Math.abs(total / 1e6 / peak - 1)).toBeLessThan(0.15);
  });

  it('is the plain formula for the reference engine', () => {
    expect(memoryOf({ engine: 'tfjs', precision: 'float32', checkpointing: false })).toEqual({
      activationFactor: 1,
      stateFactor: 1,
      baseBytes: 0,
    });
  });

  it('has a measured peak beside it, in bytes', () => {
    // A Node process has tens of MB and this one no GB.
    expect(peakBytes()).toBeGreaterThan(2e7);
    expect(peakBytes()).toBeLessThan(4e9);
  });
});
