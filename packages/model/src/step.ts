import { mustBe } from '@mdiff/arguments';
import { tf } from './tf.js';
import { entropies, fast, frame, hiddenAt, logits, lossOf } from './denoiser.js';
import type { Frame, Ops } from './denoiser.js';
import type { ParamLayout } from './layout.js';
import type { Batch, DenoiserConfig, Masks, Params } from './types.js';

// The functions that are traced. Each takes one flat record of named tensors (batch inputs, parameters by layout name,
// dropout masks) and returns one; the inputs and outputs of the graph have the same names.

/** Tensors by graph input or output name. */
export type Named = Record<string, tf.Tensor>;

/**
 * Shapes of the host-made dropout masks of a pass over [B, S], by input name: `dropout.{block}.attn` and
 * `dropout.{block}.ff` [B, S, D], `attention_dropout.{block}` [B, H, S, S]. Only rates above 0 have masks;
 * each entry is 0 with probability p, else 1/(1−p).
 */
export function dropoutShapes(config: DenoiserConfig, B: number, S: number): Record<string, readonly number[]> {
  mustBe('dropoutShapes', 'config', config, 'object');
  mustBe('dropoutShapes', 'B', B, 'number');
  mustBe('dropoutShapes', 'S', S, 'number');
  const shapes: Record<string, readonly number[]> = {};
  for (let block = 0; block < config.n_layers; block++) {
    if (config.attention_dropout > 0) shapes[`attention_dropout.${block}`] = [B, config.n_heads, S, S];
    if (config.dropout > 0) {
      shapes[`dropout.${block}.attn`] = [B, S, config.d_model];
      shapes[`dropout.${block}.ff`] = [B, S, config.d_model];
    }
  }
  return shapes;
}

const masksIn = (inputs: Named): Masks =>
  Object.fromEntries(Object.entries(inputs).filter(([name]) => /^(attention_)?dropout\./.test(name)));
const batchIn = (inputs: Named) => ({ ...(inputs as unknown as Batch), masks: masksIn(inputs) });

export interface LossOptions {
  /** share of each target spread over all tokens but [MASK] */
  readonly labelSmoothing?: number;
  /** gradients compute every block again instead of keeping its activations; the graph then has the input `zero` */
  readonly checkpointing?: boolean;
  readonly ops?: Ops;
}

/**
 * The training graph: inputs of docs/architecture.md, parameters by name and, optionally, dropout masks →
 * `loss` (scalar, Σ weights·CE, nats) and `grad.{name}` for every parameter. Without mask inputs nothing is dropped.
 * With `checkpointing` there is one more input, `zero`: a float32 scalar; feed it 0.
 */
export function lossAndGrads(config: DenoiserConfig, layout: ParamLayout, options: LossOptions = {}): (inputs: Named) => Named {
  mustBe('lossAndGrads', 'config', config, 'object');
  mustBe('lossAndGrads', 'layout', layout, 'object');
  mustBe('lossAndGrads', 'options', options, 'object');
  const { labelSmoothing = 0, checkpointing = false, ops = fast } = options;
  const names = layout.params.map(({ name }) => name);
  return (inputs) =>
    tf.tidy(() => {
      const batch = batchIn(inputs);
      const outside: Frame = { ...frame(config, batch), ...(checkpointing && { zero: inputs.zero! }) };
      const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
        const params: Params = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
        return lossOf({ config, params, frame: outside, ops }, batch, labelSmoothing);
      })(names.map((name) => inputs[name]!));
      return { loss: value, ...Object.fromEntries(names.map((name, i) => [`grad.${name}`, grads[i]!])) };
    });
}

/** The evaluation graph: the inputs of the training graph (no `weights`, no dropout) → `ce` [M], nats at each loss position. */
export function positionLosses(config: DenoiserConfig, layout: ParamLayout): (inputs: Named) => Named {
  mustBe('positionLosses', 'config', config, 'object');
  mustBe('positionLosses', 'layout', layout, 'object');
  return (inputs) =>
    tf.tidy(() => {
      const params = Object.fromEntries(layout.params.map(({ name }) => [name, inputs[name]!]));
      const batch = { ...batchIn(inputs), masks: {} };
      return { ce: entropies(config, params, frame(config, batch), batch) };
    });
}

/** The exported graph: `input_ids`, `attention_mask` [batch, length], `rows` [M] (flattened positions to project) and the parameters → `logits` [M, V]. */
export function exportedForward(config: DenoiserConfig): (inputs: Named) => Named {
  mustBe('exportedForward', 'config', config, 'object');
  return (inputs) =>
    tf.tidy(() => {
      const canvas = frame(config, { ids: inputs.input_ids!, segments: inputs.attention_mask! });
      return { logits: logits(inputs, hiddenAt(config, inputs, canvas, inputs.rows!)) };
    });
}
