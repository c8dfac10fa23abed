import { startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Choice } from './select.js';
import { processor } from './processor.js';

// In which numbers matrix products are computed. Weights, moments, sums and everything between the products are float32 either way.

export type Precision = 'float32' | 'bfloat16';

/**
 * `training.use_mixed_precision` on the chosen engine. bfloat16 is taken only where it is an instruction: elsewhere it is emulated, slower
 * than float32 and less exact. The notice is N1.
 */
export function precisionOf(config: ProjectConfig, { engine, device }: Pick<Choice, 'engine' | 'device'>, bf16 = processor().bf16): { precision: Precision; notices: Issue[] } {
  if (!config.training.use_mixed_precision) return { precision: 'float32', notices: [] };
  if (engine !== 'tfjs_node') return { precision: 'float32', notices: [startup.floatOnly(config, engine)] };
  if (device === 'cpu' && !bf16) return { precision: 'float32', notices: [startup.floatOnly(config, engine, 'on this processor')] };
  return { precision: 'bfloat16', notices: [] };
}
