export { FILES, MODEL_TYPE, RESERVED, modelSection, toFolderConfig } from './contract.js';
export type { ModelFolderConfig } from './contract.js';
export { MdiffError, ModelError, writeError } from './errors.js';
export { MANIFEST } from './manifest.js';
export type { Manifest } from './manifest.js';
export { readSafetensors, writeSafetensors } from './safetensors.js';
export type { NamedTensor } from './safetensors.js';
