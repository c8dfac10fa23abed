import { modelConfig } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import type { Engine, EngineOptions, StepBatch, TrainState, Update } from '@mdiff/engine';

// One short training on any engine, for every kind of network and step there is: what all engines must agree on.

const tiny = modelConfig({
  d_model: 16,
  n_layers: 2,
  n_heads: 2,
  d_ff: 24,
  vocab_size: 31,
  max_seq_len: 12,
  dropout: 0,
  attention_dropout: 0,
  activation: 'swiglu',
  norm_type: 'rmsnorm',
  // Large first weights, so that every term of the network matters in its loss.
  pos_encoding: 'rope',
  init_std: 0.2,
  use_bias: false,
  tie_embeddings: true,
  conv_width: 5,
});

/** A kind of network or step; what it does not name is as in the plain one. */
export interface Variant {
  model?: Partial<ModelConfig>;
  labelSmoothing?: number;
  checkpointing?: boolean;
  causal?: boolean;
  /** batches of a step */
  batches?: number;
  update?: Partial<Update>;
}

export const variants: Readonly<Record<string, Variant>> = {
  plain: {},
  layernorm: { model: { norm_type: 'layernorm' } },
  gelu: { model: { activation: 'gelu' } },
  relu: { model: { activation: 'relu' } },
  'learned positions': { model: { pos_encoding: 'learned' } },
  'sinusoidal positions': { model: { pos_encoding: 'sinusoidal' } },
  bias: { model: { use_bias: true } },
  'no convolution': { model: { conv_width: 0 } },
  'a head of its own': { model: { tie_embeddings: false } },
  dropout: { model: { dropout: 0.3 } },
  'attention dropout': { model: { attention_dropout: 0.3 } },
  'label smoothing': { labelSmoothing: 0.1 },
  causal: { causal: true },
  average: { update: { ema: 0.9 } },
  'no clipping': { update: { clip: 0 } },
  accumulation: { batches: 3 },
  recomputation: { checkpointing: true },
  'recomputation with dropout': { model: { dropout: 0.3, attention_dropout: 0.3 }, checkpointing: true },
  'recomputation of a causal network': { causal: true, checkpointing: true },
  'everything else at once': {
    model: {
      norm_type: 'layernorm',
      activation: 'gelu',
      pos_encoding: 'learned',
      use_bias: true,
      conv_width: 0,
      tie_embeddings: false,
      dropout: 0.2,
      attention_dropout: 0.2,
    },
    labelSmoothing: 0.05,
    checkpointing: true,
    batches: 2,
    update: { ema: 0.9 },
  },
};

export const optionsOf = ({ model, labelSmoothing = 0, checkpointing = false }: Variant): EngineOptions => ({
  model: { ...tiny, ...model },
  threads: 1,
  labelSmoothing,
  checkpointing,
  seed: 5,
});

/** `eps` is large, or a parameter whose gradient is zero but for rounding would move by ±lr, in a direction that no two engines agree on. */
export const updateOf = ({ update }: Variant, step: number): Update => ({
  lr: 0.02,
  step,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-3,
  weightDecay: 0.1,
  clip: 1,
  ema: 0,
  ...update,
});

export interface BatchShape {
  B?: number;
  S?: number;
  /** evaluated rows; all that are no padding unless told */
  rows?: number;
}

/** Rows of two texts and some padding, noised. */
export function batchOf(variant: Variant, step: number, pass = 0, { B = 3, S = 12, rows: wanted }: BatchShape = {}): StepBatch {
  const { model } = optionsOf(variant);
  const rng = stream(1, 'parity', step, pass, B, S);
  const each = (of: (s: number, b: number) => number): Int32Array =>
    Int32Array.from({ length: B * S }, (_, i) => of(i % S, Math.floor(i / S)));
  const [cut, end] = [Math.ceil(S / 2), S - (S > 4 ? 2 : 0)];
  const segments = each((s, b) => (s < cut ? 1 : s < end - (b % 2) ? 2 : 0));
  // A text that can be learnt: tokens follow each other in one order.
  const text = each((s, b) => 5 + ((3 * s + b + 7 * step) % (model.vocab_size - 5)));
  const here = [...segments.keys()].filter((i) => segments[i]! > 0);
  const rows = Int32Array.from(wanted === undefined ? here.filter((_, i) => rng.next() < 0.5 || i === 0) : here.slice(0, wanted));
  const hidden = new Set(rows);
  const rates = { rate: model.dropout, attention: model.attention_dropout };
  return {
    B,
    S,
    ids: each((s, b) => (segments[b * S + s] === 0 ? 1 : hidden.has(b * S + s) ? 0 : text[b * S + s]!)),
    segments,
    positions: each((s) => (s < cut ? s : s - cut)),
    causal: variant.causal ? 1 : 0,
    rows,
    targets: rows.map((i) => text[i]!),
    weights: new Float32Array(rows.length).fill(1 / rows.length / (variant.batches ?? 1)),
    ...(rates.rate + rates.attention > 0 && { dropout: { seed: 1, step, pass, ...rates } }),
  };
}

export const batchesOf = (variant: Variant, step: number): StepBatch[] =>
  Array.from({ length: variant.batches ?? 1 }, (_, pass) => batchOf(variant, step, pass));

export interface Trained {
  losses: number[];
  norms: number[];
  /** cross-entropy of one batch after the last step */
  ce: Float32Array;
  state: TrainState;
}

/** `steps` steps from the engine's first weights. */
export async function trained(engine: Pick<Engine, 'step' | 'evaluate' | 'read'>, variant: Variant, steps = 20): Promise<Trained> {
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { loss, gradNorm } = await engine.step(batchesOf(variant, step), updateOf(variant, step));
    losses.push(loss);
    norms.push(gradNorm);
  }
  return {
    losses,
    norms,
    ce: await engine.evaluate(batchOf({ ...variant, model: { ...variant.model, dropout: 0, attention_dropout: 0 } }, 1)),
    state: await engine.read(),
  };
}

/** Opens, trains, closes. */
export async function trainedBy(
  open: (options: EngineOptions) => Promise<Engine>,
  variant: Variant,
  more: Partial<EngineOptions> = {},
): Promise<Trained> {
  const engine = await open({ ...optionsOf(variant), ...more });
  try {
    return await trained(engine, variant);
  } finally {
    await engine.close();
  }
}

/** Largest difference of two lists of numbers; NaN anywhere is NaN. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return NaN;
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
}

export const distance = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((value, i) => value - b[i]!));

/** Largest differences of two trainings, by what is compared. */
export const differences = (a: Trained, b: Trained): Record<'loss' | 'norm' | 'ce' | 'params' | 'average', number> => ({
  loss: apart(a.losses, b.losses),
  norm: apart(a.norms, b.norms),
  ce: apart(a.ce, b.ce),
  params: apart(a.state.params, b.state.params),
  average: apart(a.state.ema ?? [], b.state.ema ?? []),
});
