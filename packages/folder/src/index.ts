export { FILES, MODEL_TYPE, RESERVED, modelSection, toFolderConfig } from './contract.js';
export type { ModelFolderConfig } from './contract.js';
export { describeFault, diskError, places } from './disk.js';
export type { Place } from './disk.js';
export { MdiffError, ModelError } from './errors.js';
export { MANIFEST } from './manifest.js';
export type { Manifest } from './manifest.js';
export { readSafetensors, writeSafetensors } from './safetensors.js';
export type { NamedTensor } from './safetensors.js';
