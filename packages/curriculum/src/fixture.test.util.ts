import { Tokenizer, type Section } from '@mdiff/text';

import type { Unit } from './units.js';

/** Bytes for tokens: lengths in tests are lengths in characters. */
export const bytes = Tokenizer.fromMerges([]);

export const section = (...texts: string[]): Section => ({ title: 'test', paragraphs: texts.map((text) => ({ text, kind: 'prose' })) });

/** Units of the given lengths; unit i holds only tokens 10 + i, so that it can be found again in a batch. */
export const unitsOf = (lengths: readonly number[]): Unit[] =>
  lengths.map((length, id) => ({ id, tokens: new Int32Array(length).fill(10 + id), bytes: length, section: 0, kind: 'prose' }));
