export { compressGpt2 } from './tokens/gpt2.js';
export type { Format } from './read/formats.js';
export { loadSource, type LoadedSource, type ReadFile, type SourceOptions } from './read/source.js';
export { trainBpe, type TrainedTokenizer } from './tokens/train.js';
