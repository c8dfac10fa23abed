import type { Batch } from '@mdiff/curriculum';
import type { Prepared } from '@mdiff/prepare';

const SHOWN = 3;
const LENGTH = 50;

/** The units of a step's batches in words: their places in the stage's text, and how the first ones begin. */
export function describeRows(batches: readonly Batch[], tokenizer: Pick<Prepared['tokenizer'], 'decode'>): string {
  const units = batches.flatMap((batch) => batch.units.map((unit) => ({ ...unit, batch })));
  const shown = units.slice(0, SHOWN).map(({ unit, row, maskableStart, length, batch: { ids, S } }) => {
    const start = row * S + maskableStart;
    const text = tokenizer
      .decode(ids.subarray(start, start + length - 1))
      .replace(/\s+/g, ' ')
      .trim();
    return `${unit} "${text.length > LENGTH ? `${text.slice(0, LENGTH).replace(/\s+\S*$/, '')} …` : text}"`;
  });
  const rest = units.length - shown.length;
  return `units ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
