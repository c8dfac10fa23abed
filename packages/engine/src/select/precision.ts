import { startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { EngineSelection } from './select.js';
import { processor } from './processor.js';

// The precision of the operands of matrix products. Everything else is float32: weights, moments, sums and the steps between products.

export type Precision = 'float32' | 'bfloat16';

/**
 * The precision for `training.use_mixed_precision` on the selected engine. bfloat16 needs a processor or GPU with instructions for it:
 * emulated, it is slower than float32 and less exact. The notice is N1.
 */
export function precisionOf(
  config: ProjectConfig,
  { engine, device }: Pick<EngineSelection, 'engine' | 'device'>,
  bf16 = processor().bf16,
): { precision: Precision; notices: Issue[] } {
  if (!config.training.use_mixed_precision) return { precision: 'float32', notices: [] };
  if (engine !== 'tfjs_node') return { precision: 'float32', notices: [startup.floatOnly(config, engine)] };
  if (device === 'cpu' && !bf16) return { precision: 'float32', notices: [startup.floatOnly(config, engine, 'on this processor')] };
  return { precision: 'bfloat16', notices: [] };
}
