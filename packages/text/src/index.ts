export { countRepeated, nearDuplicates, type NearDuplicate, type Place } from './split/duplicate.js';
export { TextError } from './error.js';
export { holdOut, type Split } from './split/holdout.js';
export { parsePlain } from './read/plain.js';
export { MIN_VOCAB, SPECIAL, SPECIAL_TOKENS, Tokenizer, type TokenizerJson } from './tokens/tokenizer.js';
export type { Document, Paragraph, ParsedText, Removal, Section } from './types.js';
