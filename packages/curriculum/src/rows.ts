import { shuffle, type Rng } from '@mdiff/diffusion';

import { CurriculumError } from './error.js';
import { slotOverhead, type Unit } from './units.js';

/** The units of one row, in order; their slots fit its length. */
export type Row = readonly Unit[];

export interface Packing {
  rows: Row[];
  /** share of the rows' positions that is padding, 0 to 1 */
  padded: number;
}

export interface RowShape {
  /** positions of a row, S */
  length: number;
  /** true if a slot starts with [BOS] */
  shiftHead: boolean;
}

/**
 * Packs units into rows, longest first, each into the fullest row that still has room (best-fit decreasing). The lengths alone decide the number of rows
 * and their padding, so every epoch of a stage has the same number of steps. `rng` decides which units of equal length share a row, the order of rows,
 * and the order of units in a row. Without `rng` the order follows the ids.
 *
 * O(n log n + n · distinct free lengths)
 * @throws CurriculumError when a unit is longer than a row
 */
export function packRows(units: readonly Unit[], { length, shiftHead }: RowShape, rng?: Rng): Packing {
  const overhead = slotOverhead(shiftHead);
  const size = (unit: Unit) => unit.tokens.length + overhead;
  const order = rng ? shuffle(rng, units) : [...units];
  order.sort((a, b) => size(b) - size(a));
  // Open rows by the room they have left; `free` lists the rooms in use, smallest first.
  const open: Unit[][][] = Array.from({ length: length + 1 }, () => []);
  const rows: Unit[][] = [];
  let used = 0;
  for (const unit of order) {
    const need = size(unit);
    if (need > length)
      throw new CurriculumError(
        `model.max_seq_len: expected a row that holds unit ${unit.id} (${need} positions), got ${length}; make the units with this maxSlot`,
      );
    let room = need;
    while (room <= length && open[room]!.length === 0) room++;
    const row: Unit[] = room <= length ? open[room]!.pop()! : [];
    if (room > length) {
      room = length;
      rows.push(row);
    }
    row.push(unit);
    open[room - need]!.push(row);
    used += need;
  }
  const padded = rows.length === 0 ? 0 : 1 - used / (rows.length * length);
  return { rows: rng ? shuffle(rng, rows).map((row) => shuffle(rng, row)) : rows, padded };
}
