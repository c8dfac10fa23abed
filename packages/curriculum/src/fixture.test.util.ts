import { Tokenizer, type Section } from '@mdiff/text';

import type { Unit } from './units.js';

/** Bytes for tokens: lengths in tests are lengths in characters. */
export const bytes = Tokenizer.fromMerges([]);

export const section = (...texts: string[]): Section => ({ title: 'test', paragraphs: texts.map((text) => ({ text, kind: 'prose' })) });

/** Units of these lengths. Unit i holds only the token 10 + i, so that a test can find it in a batch. */
export const unitsOf = (lengths: readonly number[]): Unit[] =>
  lengths.map((length, id) => ({ id, tokens: new Int32Array(length).fill(10 + id), bytes: length, section: 0, kind: 'prose' }));
