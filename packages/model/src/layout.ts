import { mustBe } from '@mdiff/arguments';
import type { DenoiserConfig } from './types.js';

export type ParamKind = 'embedding' | 'head' | 'norm' | 'bias' | 'conv' | 'matrix' | 'position';

/** One parameter tensor inside the flat buffer; `offset` and `size` count float32 elements. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  readonly kind: ParamKind;
  /** AdamW decays matrices, taps and an untied head; not norms, biases and embeddings. */
  readonly decay: boolean;
}

export interface ParamLayout {
  readonly params: readonly ParamSpec[];
  /** Elements of the whole buffer; equals `param_count_exact`. */
  readonly total: number;
}

const decays: Record<ParamKind, boolean> = {
  embedding: false,
  position: false,
  norm: false,
  bias: false,
  head: true,
  conv: true,
  matrix: true,
};

/**
 * The parameters of a denoiser in the order of the flat buffer, which is the order of the forward pass.
 * Matrices are [in, out] (y = x·W), the embedding and an untied head [V, D], taps [conv_width, D].
 */
export function layout(config: DenoiserConfig): ParamLayout {
  mustBe('layout', 'config', config, 'object');
  const { d_model: D, d_ff: F, vocab_size: V, conv_width: W } = config;
  const params: ParamSpec[] = [];
  let total = 0;
  const add = (name: string, kind: ParamKind, ...shape: number[]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    params.push({ name, shape, offset: total, size, kind, decay: decays[kind] });
    total += size;
  };
  const norm = (name: string) => {
    add(`${name}.weight`, 'norm', D);
    if (config.norm_type === 'layernorm') add(`${name}.bias`, 'norm', D);
  };
  const linear = (name: string, from: number, to: number) => {
    add(`${name}.weight`, 'matrix', from, to);
    if (config.use_bias) add(`${name}.bias`, 'bias', to);
  };
  add('embedding.weight', 'embedding', V, D);
  if (config.pos_encoding === 'learned') add('position.weight', 'position', config.max_seq_len, D);
  if (W > 0) add('embedding.conv.weight', 'conv', W, D);
  for (let block = 0; block < config.n_layers; block++) {
    const prefix = `blocks.${block}`;
    norm(`${prefix}.attn.norm`);
    for (const part of ['q', 'k', 'v', 'o']) linear(`${prefix}.attn.${part}`, D, D);
    norm(`${prefix}.ff.norm`);
    if (W > 0) add(`${prefix}.ff.conv.weight`, 'conv', W, D);
    if (config.activation === 'swiglu') linear(`${prefix}.ff.gate`, D, F);
    linear(`${prefix}.ff.up`, D, F);
    linear(`${prefix}.ff.down`, F, D);
  }
  norm('norm');
  if (!config.tie_embeddings) add('head.weight', 'head', V, D);
  return { params, total };
}
