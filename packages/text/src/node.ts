export { compressGpt2 } from './gpt2.js';
export { loadSource, type LoadedSource } from './source.js';
export { trainBpe, type TrainedTokenizer } from './train.js';
