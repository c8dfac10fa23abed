export { loadSource, type LoadedSource } from './source.js';
export { trainBpe, type TrainedTokenizer } from './train.js';
