// `@mdiff/engine/compute`: what computes in the caller's thread, and therefore loads TensorFlow.js. The rest of the package starts workers that do.
export { layoutOf, onnxOf } from './export.js';
export { onnxPass } from './onnxruntime/core.js';
export { tensorflowCore } from './tensorflow/core.js';
export { fusedOps, openKernels, runtimeOps } from './tensorflow/fused.js';
export { productVariants, variantsOf } from './tensorflow/variants.js';
export type { ProductVariant } from './tensorflow/variants.js';
export { tfjsCore } from './tfjs/core.js';
