import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';
import { tf } from './tf.js';
import { layout } from './layout.js';
import type { ParamLayout, ParamSpec } from './layout.js';
import type { DenoiserConfig, Params } from './types.js';

/**
 * Fresh parameters in one flat buffer: matrices, embeddings and taps normal(0, init_std); the two projections that
 * write into the residual stream divided by √(2·n_layers), so that the variance of the stream does not grow with depth
 * (GPT-2, section 2.3); norm gains 1; biases 0. Every tensor has its own random stream, so a new tensor does not change the others.
 */
export function initParams(config: DenoiserConfig, seed: number): Float32Array {
  mustBe('initParams', 'config', config, 'object');
  mustBe('initParams', 'seed', seed, 'number');
  const { params, total } = layout(config);
  const flat = new Float32Array(total);
  for (const spec of params) {
    const view = flat.subarray(spec.offset, spec.offset + spec.size);
    if (spec.kind === 'norm') view.fill(spec.name.endsWith('.weight') ? 1 : 0);
    else if (spec.kind !== 'bias') {
      const std = writesResidual(spec) ? config.init_std / Math.sqrt(2 * config.n_layers) : config.init_std;
      const rng = stream(seed, 'init', spec.name);
      for (let i = 0; i < view.length; i++) view[i] = std * rng.normal();
    }
  }
  return flat;
}

const writesResidual = (spec: ParamSpec) => /\.(attn\.o|ff\.down)\.weight$/.test(spec.name);

/** The pieces of a flat buffer as named tensors (copies; the caller disposes them). */
export function bind(flat: Float32Array, options: ParamLayout): Params {
  mustBe('bind', 'flat', flat, 'object');
  mustBe('bind', 'options', options, 'object');
  const { params, total } = options;
  if (flat.length !== total) {
    throw Object.assign(
      new Error(`model parameters: expected ${total} numbers, got ${flat.length}; the weights belong to another model configuration`),
      {
        code: 'MDIFF_PARAMS',
      },
    );
  }
  return Object.fromEntries(
    params.map(({ name, shape, offset, size }) => [name, tf.tensor(flat.slice(offset, offset + size), [...shape], 'float32')]),
  );
}
