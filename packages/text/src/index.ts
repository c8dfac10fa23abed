export { countRepeated, nearDuplicates, type NearDuplicate, type Place } from './duplicate.js';
export { TextError } from './error.js';
export { holdOut, type Split } from './holdout.js';
export { parsePlain, type ParsedText } from './plain.js';
export { MIN_VOCAB, SPECIAL, SPECIAL_TOKENS, Tokenizer, type TokenizerJson } from './tokenizer.js';
export type { Document, Paragraph, Removal, Section } from './types.js';
