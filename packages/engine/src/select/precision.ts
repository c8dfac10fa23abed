import type { ProjectConfig } from '@mdiff/config';
import type { EngineSetting, Precision } from '../devices.js';

/**
 * The precision that `training.use_mixed_precision` allows on an engine. bfloat16 needs a processor or GPU with instructions for it: emulated, it is
 * slower than float32 and less exact.
 */
export function precisionOf(config: ProjectConfig, { engine, device }: Pick<EngineSetting, 'engine' | 'device'>, bf16: boolean): Precision {
  const possible = engine === 'tfjs_node' && (device !== 'cpu' || bf16);
  return config.training.use_mixed_precision && possible ? 'bfloat16' : 'float32';
}
