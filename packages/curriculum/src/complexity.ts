import { mustBe } from '@mdiff/arguments';
import type { Unit } from './units.js';

/** Complexity of a unit without a scored sentence: between the easiest and the hardest. */
const UNKNOWN = 0.5;

/**
 * Complexity of each unit: the token-weighted mean over its scored sentences. A unit without any (verse, a line of dialogue under five words) gets 0.5.
 *
 * @param complexity one number per sentence of the text, NaN for those that are not scored
 * @param tokens number of tokens of a whole sentence
 */
export function unitComplexity(units: readonly Unit[], complexity: Float64Array, tokens: (sentence: number) => number): Float64Array {
  mustBe('unitComplexity', 'units', units, 'list');
  mustBe('unitComplexity', 'complexity', complexity, 'object');
  mustBe('unitComplexity', 'tokens', tokens, 'function');
  return Float64Array.from(units, ({ parts = [] }) => {
    let sum = 0;
    let weight = 0;
    for (const part of parts) {
      const value = complexity[part.sentence]!;
      if (Number.isNaN(value)) continue;
      const count = part.tokens ?? tokens(part.sentence);
      sum += count * value;
      weight += count;
    }
    return weight > 0 ? sum / weight : UNKNOWN;
  });
}
