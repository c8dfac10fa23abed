import { assemble, packRows } from '@mdiff/curriculum';
import type { Batch, RowShape, Unit } from '@mdiff/curriculum';

/** Text the model never trains on, packed once, in a fixed order. */
export interface HeldOut {
  batches: readonly Batch[];
  documents: number;
  /** maskable tokens, the [EOS] of each unit included */
  tokens: number;
  /** UTF-8 bytes of the units' text; the line breaks between units, which [EOS] stands for, are not counted */
  bytes: number;
}

/** @returns undefined where nothing was held out */
export function packHeldOut(
  units: readonly Unit[],
  { documents, shape, batchSize }: { documents: number; shape: RowShape; batchSize: number },
): HeldOut | undefined {
  if (units.length === 0) return undefined;
  const { rows } = packRows(units, shape);
  const batches: Batch[] = [];
  for (let first = 0; first < rows.length; first += batchSize)
    batches.push(assemble(rows.slice(first, first + batchSize), batchSize, shape));
  return {
    batches,
    documents,
    tokens: units.reduce((sum, { tokens }) => sum + tokens.length + 1, 0),
    bytes: units.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
