import { engines, locateTensorFlow } from '@mdiff/engine';
import type { Engine, EngineOptions } from '@mdiff/engine';

const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;

/** Opens native TensorFlow on the processor. */
export const native =
  (more: Partial<EngineOptions> = {}) =>
  (options: EngineOptions): Promise<Engine> =>
    engines['tfjs_node']!({ ...options, tensorflow, ...more });
