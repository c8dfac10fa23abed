// For programs that only encode and decode: the other parts of this package load libraries that take a tenth of a second.
export { TextError } from './error.js';
export { Tokenizer } from './tokens/tokenizer.js';
