import { engines, locateTensorFlow, processor } from '@mdiff/engine';
import { productVariants, variantsOf } from '@mdiff/engine/compute';
import type { Engine, EngineOptions } from '@mdiff/engine';

const tensorflow = locateTensorFlow({ cacheDir: 'cache', device: 'cpu' })!;

/** Opens native TensorFlow on the processor. */
export const native =
  (more: Partial<EngineOptions> = {}) =>
  (options: EngineOptions): Promise<Engine> =>
    engines['tfjs_node']!({ ...options, tensorflow, ...more });

/** The variants of kernels with products that this processor has, in a precision. */
export const kernelsFor = (precision: 'float32' | 'bfloat16') =>
  productVariants.filter((variant) => variant.precision === precision && variantsOf(processor().flags).includes(variant.name));
