import { mustBe } from '@mdiff/arguments';
import { tf } from './tf.js';
import { attendBoth, cacheShape, stretchFrame } from './cached.js';
import { fast, hiddenAt, logits } from './denoiser.js';
import type { Frame, Ops } from './denoiser.js';
import type { Named } from './step.js';
import type { DenoiserConfig } from './types.js';

// A stretch of each canvas with all that stands around it read from a cache (the dual cache of Fast-dLLM, arXiv 2505.22618). It is the network of
// denoiser.ts, whose attention and convolutions read the positions before and behind the stretch as well. Keys and values there were computed when the
// stretch held other tokens, so the logits are exact for the canvas that the cache was made of, and an approximation once a token has changed.

/**
 * The graph: `input_ids` and `attention_mask` [B, S] (0 = PAD, at the end), `position` [B], the place of the first token of each row; `unread`
 * float32 [B, C], 1 = a place of the cache that is not read, because it is filler or lies in the stretch; the cache; `rows` [M], the flattened positions
 * b·S + s to project; the parameters → `logits` [M, V] and the outputs of `cacheShape`. With nothing read and zeros beside it, a stretch that is a
 * whole canvas gives the logits of the denoiser, and its cache.
 */
export function blockForward(config: DenoiserConfig): (inputs: Named) => Named {
  mustBe('blockForward', 'config', config, 'object');
  return (inputs) =>
    tf.tidy(() => {
      const gained: Named = {};
      const {
        input_ids: ids,
        attention_mask: segments,
        position,
      } = inputs as Record<'input_ids' | 'attention_mask' | 'position', tf.Tensor>;
      const place = stretchFrame(config, { ids, position, segments, causal: 0 });
      const ops: Ops = { ...fast, ...aroundOps(config, { inputs, gained, place }) };
      return { logits: logits(inputs, hiddenAt(config, inputs, place, inputs.rows!, ops)), ...gained };
    });
}

/** Attention and convolution with what stands around. The network calls them in the order of `cacheShape`; they put into `gained` what they read. */
function aroundOps(
  config: DenoiserConfig,
  { inputs, gained, place: { B, S, segments } }: { inputs: Named; gained: Named; place: Frame },
): Pick<Ops, 'attend' | 'convolve'> {
  const { attention, convolutions, reach: R } = cacheShape(config);
  const D = config.d_model;
  const names = { attention: attention.values(), convolutions: convolutions.values() };
  const next = (part: keyof typeof names): string => names[part].next().value as string;
  const forbidden = tf.mul(inputs.unread!, -1e9).reshape([B, 1, 1, -1]);
  const tokens = tf.cast(segments, 'float32').reshape([B, S, 1]);
  return {
    attend: (q, k, v, bias) => {
      const [keys, values] = [next('attention'), next('attention')];
      Object.assign(gained, { [keys]: k, [values]: v });
      const around = tf.add(tf.matMul(q, inputs[`past.${keys}`]!, false, true), forbidden);
      return attendBoth(around, inputs[`past.${values}`]!, tf.add(tf.matMul(q, k, false, true), bias), v);
    },
    convolve: (x, weight) => {
      const name = next('convolutions');
      // PAD gives nothing to its neighbours.
      const here = tf.mul(x.reshape([B, S, D]), tokens);
      gained[name] = here;
      const all = tf.concat([inputs[`left.${name}`]!, here, inputs[`right.${name}`]!], 1);
      const taps = Array.from({ length: 2 * R + 1 }, (_, j) =>
        tf.mul(tf.slice(all, [0, j, 0], [B, S, D]), tf.slice(weight, [j, 0], [1, D])),
      );
      return tf.add(x, tf.addN(taps).reshape([B * S, D])) as tf.Tensor2D;
    },
  };
}
