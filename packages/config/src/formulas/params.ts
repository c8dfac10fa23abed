import { mustBe } from '@mdiff/arguments';
import type { ModelConfig } from '../sections/types.js';

/** 4lh² + 3lhf + 6lh + Vh: the formula that presets are named after. */
export function paramCount(model: ModelConfig): number {
  mustBe('paramCount', 'model', model, 'object');
  const { n_layers: l, d_model: h, d_ff: f, vocab_size: V } = model;
  return 4 * l * h * h + 3 * l * h * f + 6 * l * h + V * h;
}

/** Number of trainable values of the built model. */
export function paramCountExact(model: ModelConfig): number {
  mustBe('paramCountExact', 'model', model, 'object');
  const { n_layers: l, d_model: h, d_ff: f, vocab_size: V } = model;
  const bias = model.use_bias ? 1 : 0;
  const attention = 4 * h * h + bias * 4 * h;
  const forward = model.activation === 'swiglu' ? 3 * h * f + bias * (2 * f + h) : 2 * h * f + bias * (f + h);
  const norm = model.norm_type === 'layernorm' ? 2 * h : h;
  const positions = model.pos_encoding === 'learned' ? model.max_seq_len * h : 0;
  return l * (attention + forward + 2 * norm) + norm + V * h * (model.tie_embeddings ? 1 : 2) + positions + (l + 1) * model.conv_width * h;
}
