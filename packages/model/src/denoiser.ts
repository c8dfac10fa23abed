import { tf } from './tf.js';
import { gelu, geluPlain, swiglu, swigluPlain } from './activation.js';
import { attend, attendPlain, pairBias, rotate, rotatePlain, rotation } from './attention.js';
import type { Rotation } from './attention.js';
import { convolve, convolvePlain, taps } from './conv.js';
import type { Taps } from './conv.js';
import { crossEntropy, crossEntropyPlain, entropyPerPosition } from './entropy.js';
import { layerNorm, layerNormPlain, rmsNorm, rmsNormPlain } from './norm.js';
import { recomputed } from './recompute.js';
import { gatherRows } from './rows.js';
import type { Batch, DenoiserConfig, Masks, Params, TrunkInputs } from './types.js';

// The whole network, top to bottom. It does not know the masking, [PAD] (beyond segment 0), shift_head (which only moves the data)
// or its caller: the same code is traced for training, traced for the exported graph, and run eagerly by tests.
//
//   B rows of a batch   S positions   N = B·S   D d_model   H heads   K head width   F d_ff   V vocabulary   M loss positions
//
//   ids [B,S] ─ embedding ─ (+ positions) ─ (+ convolution) ─▶ x [N,D]
//   n_layers times:   x += attention(norm(x))     x += feed-forward(convolution(norm(x)))
//   x at the M loss positions ─ norm ─▶ h [M,D] ─ head ─▶ logits [M,V]
//
// The graph input `rows` [M] holds the loss positions as flattened indices b·S + s. Only the head reads the last feed-forward, so it is
// computed at the loss positions only.

/** The costly pieces of the network: with hand-written gradients (`fast`), or with those of TensorFlow.js (`plain`, for tests). */
export interface Ops {
  rmsNorm: typeof rmsNorm;
  layerNorm: typeof layerNorm;
  swiglu: typeof swiglu;
  gelu: typeof gelu;
  attend: typeof attend;
  rotate: typeof rotate;
  convolve: typeof convolve;
  gatherRows: typeof gatherRows;
  crossEntropy: typeof crossEntropy;
  /**
   * onto + heads(x·q, x·k, x·v)·o, all [N, D]: an attention with rotary positions, without biases and without dropout of its weights.
   * Undefined: made of the pieces above.
   */
  selfAttention?: (x: tf.Tensor, weights: AttentionWeights, onto: tf.Tensor, frame: AttendFrame) => tf.Tensor;
  /** onto + swiglu(x·gate, x·up)·down, without biases. Undefined: made of the pieces above. */
  feedForward?: (x: tf.Tensor, weights: FeedForwardWeights, onto: tf.Tensor) => tf.Tensor;
}

type AttentionWeights = readonly [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, o: tf.Tensor];
type FeedForwardWeights = readonly [gate: tf.Tensor, up: tf.Tensor, down: tf.Tensor];

export type AttendFrame = Required<Pick<Frame, 'segments' | 'causal' | 'rotation'>>;

export const fast: Ops = { rmsNorm, layerNorm, swiglu, gelu, attend, rotate, convolve, gatherRows, crossEntropy };

export const plain: Ops = {
  rmsNorm: rmsNormPlain,
  layerNorm: layerNormPlain,
  swiglu: swigluPlain,
  gelu: geluPlain,
  attend: attendPlain,
  rotate: rotatePlain,
  convolve: convolvePlain,
  gatherRows: (table, ids) => tf.gather(table, ids as tf.Tensor1D) as tf.Tensor2D,
  crossEntropy: crossEntropyPlain,
};

/** Everything that depends on the geometry of the batch and on no parameter; made once per pass, outside the differentiated function. */
export interface Frame {
  readonly B: number;
  readonly S: number;
  /** int32 [N] */
  readonly ids: tf.Tensor;
  /** int32 [B, S] */
  readonly segments: tf.Tensor;
  /** 1 = only the past; a scalar unless rows differ */
  readonly causal: tf.Tensor;
  /** 0 or −10⁹ per pair, [B, 1, S, S] */
  readonly bias: tf.Tensor;
  readonly taps?: Taps;
  /** `query` carries the 1/√K of the attention scores */
  readonly rotation?: { query: Rotation; key: Rotation };
  /** constant position vectors [max_seq_len, D] */
  readonly sinusoids?: tf.Tensor;
  /** int32 [N], read by learned and sinusoidal positions; undefined = every row counts from 0 */
  readonly positions?: tf.Tensor;
  readonly masks: Masks;
  /** scalar 0: gradients compute every block again instead of keeping its activations (recompute.ts says why that needs a 0) */
  readonly zero?: tf.Tensor;
}

/** One forward pass. */
interface Pass {
  readonly config: DenoiserConfig;
  readonly params: Params;
  readonly frame: Frame;
  readonly ops: Ops;
}

const parameter = (params: Params, name: string): tf.Tensor => {
  const tensor = params[name];
  if (!tensor)
    throw Object.assign(
      new Error(`model parameter "${name}": expected a tensor, got nothing; the weights belong to another model configuration`),
      { code: 'MDIFF_PARAMS' },
    );
  return tensor;
};

/** The frame of a batch. Without `causal` no row is causal. */
export function frame(
  config: DenoiserConfig,
  { ids, segments, positions, causal, masks = {} }: Omit<TrunkInputs, 'causal' | 'positions'> & Partial<TrunkInputs>,
): Frame {
  const [B, S] = ids.shape as [number, number];
  const { pos_encoding, max_seq_len: T, d_model: D } = config;
  return {
    B,
    S,
    ids: ids.reshape([B * S]),
    segments,
    causal: causal ?? tf.scalar(0),
    masks,
    bias: pairBias(segments, causal),
    ...(config.conv_width > 0 && { taps: taps(segments, config.conv_width, causal) }),
    ...(pos_encoding === 'rope' && { rotation: rotations(config, S) }),
    ...(pos_encoding === 'sinusoidal' && { sinusoids: tf.tensor2d(sinusoids(config), [T, D]) }),
    ...(positions && { positions: positions.reshape([B * S]) }),
  };
}

/** Scores depend only on the distance between two positions, so the index in the row serves every segment. */
export function rotations({ d_model, n_heads, max_seq_len }: DenoiserConfig, S: number): { query: Rotation; key: Rotation } {
  const K = d_model / n_heads;
  const length = Math.max(max_seq_len, S);
  const { cos, sin } = rotation(length, K);
  const rows = (table: Float32Array) => tf.slice(tf.tensor2d(table, [length, K]), [0, 0], [S, K]);
  const scaled = (table: Float32Array) => rows(table.map((value) => value / Math.sqrt(K)));
  return { query: { cos: scaled(cos), sin: scaled(sin) }, key: { cos: rows(cos), sin: rows(sin) } };
}

/**
 * Sinusoidal vectors (arXiv 1706.03762, section 3.5) [T, D] with the standard deviation of fresh embeddings. The paper
 * multiplies the embeddings by √D instead; a smaller table leaves a tied head as it is.
 */
export function sinusoids({ max_seq_len: T, d_model: D, init_std }: DenoiserConfig): Float32Array {
  const table = new Float32Array(T * D);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < D; i++) {
      const angle = t * 10000 ** (-(i - (i % 2)) / D);
      table[t * D + i] = init_std * Math.SQRT2 * (i % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }
  }
  return table;
}

/** Hidden states [N, D] after the final norm. */
export function hidden(config: DenoiserConfig, params: Params, inputs: TrunkInputs, ops: Ops = fast): tf.Tensor2D {
  const pass: Pass = { config, params, frame: frame(config, inputs), ops };
  const x = ops.gatherRows(parameter(params, 'embedding.weight'), pass.frame.ids);
  return norm(pass, 'norm', trunk(pass, x));
}

/** Raw logits [M, V] of hidden states [M, D]. The column of [MASK] means nothing: samplers forbid it, the loss leaves it out. */
export function logits(params: Params, h: tf.Tensor): tf.Tensor2D {
  return tf.matMul(h, head(params), false, true) as tf.Tensor2D;
}

/** Σ weights·CE, nats, with `smoothing` of the targets (0 = none). */
export function loss(config: DenoiserConfig, params: Params, batch: Batch, { smoothing = 0, ops = fast } = {}): tf.Scalar {
  return lossOf({ config, params, frame: frame(config, batch), ops }, batch, smoothing);
}

/** `loss` with the frame made outside, so that a gradient tape never sees it. */
export function lossOf(pass: Pass, { rows, targets, weights }: Pick<Batch, 'rows' | 'targets' | 'weights'>, smoothing: number): tf.Scalar {
  const { config, params, frame, ops } = pass;
  const N = frame.B * frame.S;
  const M = rows.shape[0]!;
  const table = parameter(params, 'embedding.weight');
  let x: tf.Tensor;
  let goals: tf.Tensor;
  if (config.tie_embeddings) {
    // One gather for inputs and targets, so that the embedding's gradient is one scatter of all these vectors.
    const both = ops.gatherRows(table, tf.concat([frame.ids, targets as tf.Tensor1D]));
    [x, goals] = tf.split(both, [N, M], 0) as [tf.Tensor, tf.Tensor];
  } else {
    x = ops.gatherRows(table, frame.ids);
    goals = ops.gatherRows(head(params), targets);
  }
  const h = norm(pass, 'norm', trunk(pass, x.reshape([N, config.d_model]), rows));
  return ops.crossEntropy(h, head(params), { goals, targets, weights, smoothing });
}

/** Cross-entropy at each loss position, nats [M]. */
export function entropies(
  config: DenoiserConfig,
  params: Params,
  frame: Frame,
  { rows, targets }: Pick<Batch, 'rows' | 'targets'>,
): tf.Tensor1D {
  return entropyPerPosition(hiddenAt(config, params, frame, rows), head(params), targets);
}

/** Hidden states [M, D] at the flattened positions `rows`, after the final norm. */
export function hiddenAt(config: DenoiserConfig, params: Params, frame: Frame, rows: tf.Tensor, ops: Ops = fast): tf.Tensor2D {
  const pass: Pass = { config, params, frame, ops };
  return norm(pass, 'norm', trunk(pass, ops.gatherRows(parameter(params, 'embedding.weight'), frame.ids), rows));
}

const head = (params: Params) => params['head.weight'] ?? parameter(params, 'embedding.weight');

/** Embedded tokens x [N, D] through every block → [N, D], or [M, D] at the flattened positions `rows`, before the final norm. */
function trunk(pass: Pass, x: tf.Tensor, rows?: tf.Tensor): tf.Tensor {
  const { config, params, frame, ops } = pass;
  if (config.pos_encoding !== 'rope') x = placed(pass, x, frame.sinusoids ?? parameter(params, 'position.weight'));
  if (frame.taps) x = ops.convolve(x, parameter(params, 'embedding.conv.weight'), frame.taps);
  for (let block = 0; block < config.n_layers; block++) {
    const through = (x: tf.Tensor, params: Params) =>
      layer({ ...pass, params }, block, x, block === config.n_layers - 1 ? rows : undefined);
    x = frame.zero ? recomputed(through, x, within(params, `blocks.${block}.`), frame.zero) : through(x, params);
  }
  return x;
}

const within = (params: Params, prefix: string): Params =>
  Object.fromEntries(Object.entries(params).filter(([name]) => name.startsWith(prefix)));

/** One block: x [N, D] → [N, D], or [M, D] at the flattened positions `rows`. */
function layer(pass: Pass, block: number, x: tf.Tensor, rows?: tf.Tensor): tf.Tensor {
  const { config, params, frame, ops } = pass;
  const { rotation, masks, taps } = frame;
  const weights = (part: string, ...names: string[]) => names.map((name) => parameter(params, `blocks.${block}.${part}.${name}.weight`));
  const normed = norm(pass, `blocks.${block}.attn.norm`, x);
  const wholeAttention =
    ops.selfAttention && rotation && frame.causal.rank === 0 && !config.use_bias && !masks[`attention_dropout.${block}`];
  const wanted = (x: tf.Tensor): tf.Tensor => (rows ? ops.gatherRows(x, rows) : x);
  const attended = wholeAttention
    ? addedTo(x, masks[`dropout.${block}.attn`], (onto) =>
        ops.selfAttention!(normed, weights('attn', 'q', 'k', 'v', 'o') as unknown as AttentionWeights, onto, { ...frame, rotation }),
      )
    : tf.add(x, attention(pass, block, normed));
  // The convolution reads the neighbours of a position, so the loss positions are taken after it; without one, before the norm.
  let mixed = taps ? attended : wanted(attended);
  let y: tf.Tensor = norm(pass, `blocks.${block}.ff.norm`, mixed);
  if (taps) {
    y = wanted(ops.convolve(y, parameter(params, `blocks.${block}.ff.conv.weight`), taps));
    mixed = wanted(attended);
  }
  const mask = masks[`dropout.${block}.ff`];
  const dropping = mask && rows ? tf.gather(mask.reshape([frame.B * frame.S, config.d_model]), rows as tf.Tensor1D) : mask;
  const wholeFeedForward = ops.feedForward && config.activation === 'swiglu' && !config.use_bias;
  return wholeFeedForward
    ? addedTo(mixed, dropping, (onto) => ops.feedForward!(y, weights('ff', 'gate', 'up', 'down') as unknown as FeedForwardWeights, onto))
    : tf.add(mixed, dropped(feedForward(pass, block, y), dropping));
}

/** x [N, D] plus its positions' vectors from the table [max_seq_len, D]. */
function placed({ config: { d_model: D }, frame: { B, S, positions }, ops }: Pass, x: tf.Tensor, table: tf.Tensor): tf.Tensor {
  if (positions) return tf.add(x, ops.gatherRows(table, positions));
  return tf.add(x.reshape([B, S, D]), tf.slice(table, [0, 0], [S, D]).reshape([1, S, D])).reshape([B * S, D]);
}

function norm({ config, params, ops }: Pass, name: string, x: tf.Tensor): tf.Tensor2D {
  const gain = parameter(params, `${name}.weight`);
  return config.norm_type === 'rmsnorm'
    ? ops.rmsNorm(x, gain, config.norm_eps)
    : ops.layerNorm(x, gain, parameter(params, `${name}.bias`), config.norm_eps);
}

/** x·W + b: x [N, in], W [in, out]. */
function linear({ config, params }: Pass, name: string, x: tf.Tensor, scale = 1): tf.Tensor {
  const scaled = (part: string) => {
    const tensor = parameter(params, `${name}.${part}`);
    return scale === 1 ? tensor : tf.mul(tensor, scale); // cheaper on the weights than on the result
  };
  const y = tf.matMul(x, scaled('weight'));
  return config.use_bias ? tf.add(y, scaled('bias')) : y;
}

/** Multi-head attention inside each segment: x [N, D] → [N, D]. */
function attention(pass: Pass, block: number, x: tf.Tensor): tf.Tensor {
  const { n_heads: H, d_model: D } = pass.config;
  const { B, S, bias, rotation, masks } = pass.frame;
  const K = D / H;
  const name = `blocks.${block}.attn`;
  const heads = (part: string, scale = 1) => tf.transpose(linear(pass, `${name}.${part}`, x, scale).reshape([B, S, H, K]), [0, 2, 1, 3]);
  const query = rotation ? pass.ops.rotate(heads('q'), rotation.query) : heads('q', 1 / Math.sqrt(K));
  const key = rotation ? pass.ops.rotate(heads('k'), rotation.key) : heads('k');
  const out = pass.ops.attend(query, key, heads('v'), bias, masks[`attention_dropout.${block}`]);
  return dropped(linear(pass, `${name}.o`, tf.transpose(out, [0, 2, 1, 3]).reshape([B * S, D])), masks[`dropout.${block}.attn`]);
}

/** x [N, D] → [N, D] through F. */
function feedForward(pass: Pass, block: number, x: tf.Tensor): tf.Tensor {
  const name = `blocks.${block}.ff`;
  const up = linear(pass, `${name}.up`, x);
  const { activation } = pass.config;
  const inner =
    activation === 'swiglu'
      ? pass.ops.swiglu(linear(pass, `${name}.gate`, x), up)
      : activation === 'gelu'
        ? pass.ops.gelu(up)
        : tf.relu(up);
  return linear(pass, `${name}.down`, inner);
}

/** x plus the operation's result. Without dropout the operation adds x itself; with dropout it adds to zeros, and x comes after the mask. */
const addedTo = (x: tf.Tensor, mask: tf.Tensor | undefined, operation: (onto: tf.Tensor) => tf.Tensor): tf.Tensor =>
  mask ? tf.add(x, dropped(operation(tf.zerosLike(x)), mask)) : operation(x);

/** Inverted dropout with a mask made by the host (random ops would be frozen into a traced graph). */
const dropped = (x: tf.Tensor, mask?: tf.Tensor): tf.Tensor => (mask ? tf.mul(x, mask.reshape(x.shape)) : x);
