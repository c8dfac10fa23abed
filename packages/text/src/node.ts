export { compressGpt2 } from './tokens/gpt2.js';
export { readBytes } from './read/formats.js';
export type { Format, ReadText } from './read/formats.js';
export {
  loadSource,
  measureSource,
  notesOn,
  visitSource,
  type LoadedSource,
  type ReadFile,
  type SourceOptions,
  type VisitedFile,
  type VisitedSource,
} from './read/source.js';
export { trainBpe, type TrainedTokenizer } from './tokens/train.js';
