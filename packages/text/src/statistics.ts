export { longestRun, matchIndex, overlap, type MatchIndex } from './statistics/match.js';
export { bookStatistics, textStatistics, type BookStatistics, type TextStatistics } from './statistics/statistics.js';
export { FUNCTION_WORDS, distributionGap, functionWordGap, functionWordRates, sentenceLengths } from './statistics/style.js';
export { distinct, doubled, entropy, unknownWords, wordsOf } from './statistics/words.js';
