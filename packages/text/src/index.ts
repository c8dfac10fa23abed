export { countRepeated, nearDuplicates, repeatFinder, searchDuplicates, type NearDuplicate, type Place } from './split/duplicate.js';
export { TextError } from './error.js';
export { holdOut, splitSections, tokensOfBytes, type Split, type SplitPiece } from './split/holdout.js';
export { paragraphsOf } from './read/blocks.js';
export { parsePlain } from './read/plain.js';
export { MIN_VOCAB, SPECIAL, SPECIAL_TOKENS, Tokenizer, type TokenizerJson } from './tokens/tokenizer.js';
export type { Document, Paragraph, ParsedText, Removal, Section } from './types.js';
