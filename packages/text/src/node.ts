export { compressGpt2 } from './gpt2.js';
export type { Format } from './read.js';
export { loadSource, type LoadedSource, type ReadFile, type SourceOptions } from './source.js';
export { trainBpe, type TrainedTokenizer } from './train.js';
