import { mustBe } from '@mdiff/arguments';
import { tf } from './tf.js';
import { pairBias } from './attention.js';
import { fast, hiddenAt, logits, rotations, sinusoids } from './denoiser.js';
import type { Frame, Ops } from './denoiser.js';
import type { Named } from './step.js';
import type { DenoiserConfig } from './types.js';

// Left to right with a cache: the forward pass of causal rows over S new tokens whose past is known. It is the network of denoiser.ts, whose
// attention and convolution read the past as well. In a causal row no position depends on a later one, so the keys, the values and the inputs
// of the convolutions stay what they were, and the logits are those of the whole row up to rounding.

/** What the cache of a text (or, in block.ts, of a canvas) holds, in the order of the forward pass. */
interface CacheShape {
  /** inputs `past.{name}` [B, H, C, K] and outputs `{name}` [B, H, S, K]; keys and values of each block in turn */
  readonly attention: readonly string[];
  /**
   * the inputs of each convolution, outputs `{name}` [B, S, D]. Of a text: inputs `past.{name}` [B, R, D], the last R before `position`. Of a canvas:
   * inputs `left.{name}` and `right.{name}` [B, R, D], what stands beside the stretch.
   */
  readonly convolutions: readonly string[];
  /** R, the positions on one side of its own that a convolution reads */
  readonly reach: number;
}

export function cacheShape(options: DenoiserConfig): CacheShape {
  mustBe('cacheShape', 'options', options, 'object');
  const { n_layers, conv_width } = options;
  const blocks = Array.from({ length: n_layers }, (_, block) => block);
  return {
    attention: blocks.flatMap((block) => [`keys.${block}`, `values.${block}`]),
    convolutions: conv_width > 0 ? ['window', ...blocks.map((block) => `window.${block}`)] : [],
    reach: conv_width > 0 ? (conv_width - 1) / 2 : 0,
  };
}

/**
 * The cached graph: `input_ids` [B, S], the next tokens of every row, of which row b begins at `position` [B] (int32); the cache; `rows` [M], the
 * flattened positions b·S + s to project; the parameters → `logits` [M, V] and the outputs of `cacheShape`. Of the C places for keys and values
 * those below its `position` are read in a row, and the others may hold any finite numbers. Before position 0 the windows are zeros. A row that has
 * fewer than S new tokens ends in any others: nothing that stands before them sees them.
 */
export function cachedForward(config: DenoiserConfig): (inputs: Named) => Named {
  mustBe('cachedForward', 'config', config, 'object');
  return (inputs) =>
    tf.tidy(() => {
      const gained: Named = {};
      const { input_ids: ids, position, rows } = inputs as Record<'input_ids' | 'position' | 'rows', tf.Tensor>;
      const place = stretchFrame(config, { ids, position, segments: tf.onesLike(ids), causal: 1 });
      const ops: Ops = { ...fast, ...pastOps(config, inputs, gained, place) };
      return { logits: logits(inputs, hiddenAt(config, inputs, place, rows, ops)), ...gained };
    });
}

interface StretchArgs {
  /** [B, S] */
  readonly ids: tf.Tensor;
  /** [B], of the first token of each row */
  readonly position: tf.Tensor;
  /** [B, S] */
  readonly segments: tf.Tensor;
  /** 1 = a token sees those before it alone */
  readonly causal: 0 | 1;
}

/** The frame of rows of which each begins at a place of its own. */
export function stretchFrame(config: DenoiserConfig, { ids, position, segments, causal }: StretchArgs): Frame {
  const [B, S] = ids.shape as [number, number];
  const places = tf.add(tf.range(0, S, 1, 'int32').reshape([1, S]), position.reshape([B, 1]));
  // Places of filler may lie behind the tables.
  const positions = tf.minimum(places, tf.scalar(config.max_seq_len - 1, 'int32')).reshape([B * S]) as tf.Tensor1D;
  const table = (): Pick<Frame, 'rotation'> => {
    const { query, key } = rotations(config, config.max_seq_len);
    const rows = (all: tf.Tensor) => tf.gather(all, positions).reshape([B, 1, S, config.d_model / config.n_heads]);
    return { rotation: { query: { cos: rows(query.cos), sin: rows(query.sin) }, key: { cos: rows(key.cos), sin: rows(key.sin) } } };
  };
  // The convolutions of a stretch read its cache and no taps.
  const unread = tf.zeros([1, 1], 'int32') as tf.Tensor2D;
  return {
    B,
    S,
    ids: ids.reshape([B * S]),
    segments,
    causal: tf.scalar(causal),
    masks: {},
    bias: causal === 0 ? pairBias(segments) : pairBias(segments, tf.scalar(1)),
    positions,
    ...(config.conv_width > 0 && { taps: { from: unread, to: unread, segments, causal: unread } }),
    ...(config.pos_encoding === 'rope' && table()),
    ...(config.pos_encoding === 'sinusoidal' && { sinusoids: tf.tensor2d(sinusoids(config), [config.max_seq_len, config.d_model]) }),
  };
}

/** Attention and convolution with a past. The network calls them in the order of `cacheShape`; they put into `gained` what the cache gains. */
function pastOps(config: DenoiserConfig, inputs: Named, gained: Named, { B, S }: Frame): Pick<Ops, 'attend' | 'convolve'> {
  const { attention, convolutions, reach: R } = cacheShape(config);
  const D = config.d_model;
  const names = { attention: attention.values(), convolutions: convolutions.values() };
  const next = (part: keyof typeof names): string => names[part].next().value as string;
  const position = inputs.position!.reshape([B, 1, 1, 1]);
  return {
    attend: (q, k, v, bias) => {
      const [keys, values] = [next('attention'), next('attention')];
      Object.assign(gained, { [keys]: k, [values]: v });
      const [pastKeys, pastValues] = [inputs[`past.${keys}`]!, inputs[`past.${values}`]!];
      const C = pastKeys.shape[2]!;
      const unread = tf.cast(tf.greaterEqual(tf.range(0, C, 1, 'int32').reshape([1, 1, 1, C]), position), 'float32');
      const past = tf.add(tf.matMul(q, pastKeys, false, true), tf.mul(unread, -1e9));
      return attendBoth(past, pastValues, tf.add(tf.matMul(q, k, false, true), bias), v);
    },
    convolve: (x, weight) => {
      const name = next('convolutions');
      const here = x.reshape([B, S, D]);
      gained[name] = here;
      const all = tf.concat([inputs[`past.${name}`]!, here], 1);
      const taps = Array.from({ length: R + 1 }, (_, j) => tf.mul(tf.slice(all, [0, j, 0], [B, S, D]), tf.slice(weight, [j, 0], [1, D])));
      return tf.add(x, tf.addN(taps).reshape([B * S, D])) as tf.Tensor2D;
    },
  };
}

/** softmax over the scores of the past [B, H, S, C] and the new tokens [B, H, S, S] together, times their values → [B, H, S, K]. */
export function attendBoth(past: tf.Tensor, pastValues: tf.Tensor, fresh: tf.Tensor, values: tf.Tensor): tf.Tensor4D {
  const top = tf.maximum(tf.max(past, -1, true), tf.max(fresh, -1, true));
  const [a, b] = [tf.exp(tf.sub(past, top)), tf.exp(tf.sub(fresh, top))];
  const total = tf.add(tf.sum(a, -1, true), tf.sum(b, -1, true));
  return tf.div(tf.add(tf.matMul(a, pastValues), tf.matMul(b, values)), total) as tf.Tensor4D;
}
