import { ProjectConfig } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { shuffle, stream } from '@mdiff/diffusion';
import { layout } from '@mdiff/model';
import type { StepBatch, Update } from '@mdiff/engine';

// The measured networks, the batches they see, and the numbers of the update; the same for every engine.

const preset = (name: string): ModelConfig => ProjectConfig.preset(name).model;

/** Two presets, the 8.4M parameters of the first engine measurements in this architecture, and a wider one. */
export const sizes: Readonly<Record<string, ModelConfig>> = {
  nano: preset('nano'),
  micro: preset('micro'),
  m10: { ...preset('micro'), n_layers: 8, n_heads: 8 },
  m25: { ...preset('micro'), d_model: 512, n_heads: 8, d_ff: 1376 },
};

export const SEED = 7;
export const ROWS = 16;
export const POSITIONS = 128;
export const TOKENS = ROWS * POSITIONS;

/** Large enough that a few steps change the loss by more than the tolerance of the check. */
export const UPDATE: Omit<Update, 'step'> = { lr: 3e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, clip: 1, ema: 0 };

/**
 * Batches of 16 rows of 128 positions. Each row holds two units, [BOS] first (the head is shifted: the output before a
 * masked position is evaluated), and exactly half of all tokens are masked, so that no engine compiles twice.
 */
export function batchesOf({ vocab_size: V }: ModelConfig, count: number): StepBatch[] {
  return Array.from({ length: count }, (_, number) => {
    const rng = stream(SEED, 'bench', number);
    const ids = Int32Array.from({ length: TOKENS }, () => 5 + rng.int(V - 5));
    const [segments, positions] = [new Int32Array(TOKENS), new Int32Array(TOKENS)];
    const maskable: number[] = [];
    for (let row = 0; row < ROWS; row++) {
      const cut = 32 + rng.int(POSITIONS - 64);
      for (let s = 0; s < POSITIONS; s++) {
        const at = row * POSITIONS + s;
        segments[at] = s < cut ? 1 : 2;
        positions[at] = s < cut ? s : s - cut;
        if (positions[at] === 0) ids[at] = 2;
        else maskable.push(at);
      }
    }
    const masked = Int32Array.from(shuffle(rng, maskable).slice(0, TOKENS / 2)).sort();
    const targets = masked.map((at) => ids[at]!);
    for (const at of masked) ids[at] = 0;
    const weights = Float32Array.from(masked, () => (0.5 + rng.next()) / masked.length);
    return { B: ROWS, S: POSITIONS, ids, segments, positions, causal: 0, rows: masked.map((at) => at - 1), targets, weights };
  });
}

/** Floating-point operations of one step's matrix products, forward and backward (twice the forward), nothing else counted. */
export function flopsOf(model: ModelConfig, positions = POSITIONS): number {
  const matrices = layout(model).params.reduce((sum, { kind, size }) => sum + (kind === 'matrix' ? size : 0), 0);
  const attention = 2 * positions * model.d_model * model.n_layers; // QKᵀ and PV
  const head = model.vocab_size * model.d_model;
  return 3 * 2 * (TOKENS * (matrices + attention) + (TOKENS / 2) * head);
}
