export { MdiffError, ModelError, writeError } from './errors.js';
export { readSafetensors, writeSafetensors } from './safetensors.js';
export type { NamedTensor } from './safetensors.js';
