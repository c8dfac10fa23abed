export { allSequences, conditionals, probability, sampleChain } from './markov.js';
export type { MarkovChain } from './markov.js';
export { oracleDenoiser } from './denoiser.js';
export type { OracleDenoiser, OracleOptions } from './denoiser.js';
export { chiSquareDeviate, totalVariation, totalVariationBound } from './statistics.js';
export { expectClose, maxError } from './matchers.js';
export { tinyBook, tinyModel, tinyRun } from './tiny.js';
export { readSavedModel } from './savedmodel.js';
export type { ReadNode } from './savedmodel.js';
