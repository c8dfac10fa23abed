import { mustBe } from '@mdiff/arguments';
import { shuffleInPlace, type Rng } from '@mdiff/diffusion';

import { CurriculumError } from './error.js';
import { slotOverhead, type Unit } from './units.js';

/** The units of one row, in order; their slots fit its length. */
export type Row<U extends Pick<Unit, 'id' | 'tokens'> = Unit> = readonly U[];

export interface Packing<U extends Pick<Unit, 'id' | 'tokens'> = Unit> {
  rows: Row<U>[];
  /** share of the rows' positions that is padding, 0 to 1 */
  padded: number;
}

export interface RowShape {
  /** positions of a row, S */
  length: number;
  /** true if a slot starts with [BOS] */
  shiftHead: boolean;
}

/** Rows as places in a list of units: row r holds `members` from start[r] to start[r + 1]. Eight bytes a unit, so that a shelf of books fits. */
export interface PackedRows {
  rows: number;
  start: Int32Array;
  members: Int32Array;
  /** share of the rows' positions that is padding, 0 to 1 */
  padded: number;
}

/** Packs units into rows; see `packLengths`. @throws CurriculumError when a unit is longer than a row */
export function packRows<U extends Pick<Unit, 'id' | 'tokens'>>(units: readonly U[], shape: RowShape, rng?: Rng): Packing<U> {
  mustBe('packRows', 'units', units, 'list');
  mustBe('packRows', 'shape', shape, 'object');
  const { rows, start, members, padded } = packLengths(
    units.map(({ tokens }) => tokens.length),
    shape,
    rng,
  );
  return {
    rows: Array.from({ length: rows }, (_, row) => Array.from(members.subarray(start[row], start[row + 1]), (place) => units[place]!)),
    padded,
  };
}

/**
 * Packs units into rows, longest first, each into the fullest row that still has room (best-fit decreasing). A unit is never cut, so a row holds whole units
 * of one or several documents, and attention stays inside each. The lengths alone decide the number of rows and their padding, so every epoch of a stage has
 * the same number of steps. `rng` decides which units of equal length share a row, the order of rows, and the order of units in a row. Without `rng` the order
 * follows the list.
 *
 * O(n · distinct free lengths)
 * @param lengths tokens of each unit's text
 * @throws CurriculumError when a unit is longer than a row
 */
export function packLengths(lengths: ArrayLike<number>, options: RowShape, rng?: Rng): PackedRows {
  mustBe('packLengths', 'lengths', lengths, 'object');
  mustBe('packLengths', 'options', options, 'object');
  const { length, shiftHead } = options;
  const n = lengths.length;
  const overhead = slotOverhead(shiftHead);
  const order = longestFirst(lengths, rng);
  if (n > 0 && lengths[order[0]!]! + overhead > length)
    throw new CurriculumError(
      `model.max_seq_len: expected a row that holds unit ${order[0]!} (${lengths[order[0]!]! + overhead} positions), got ${length}; make the units with this maxSlot`,
    );
  // Open rows by the room they have left, as stacks: `top` of each room, `below` of each row.
  const top = new Int32Array(length + 1).fill(-1);
  const below = new Int32Array(n);
  const rowOf = new Int32Array(n);
  let rows = 0;
  let used = 0;
  order.forEach((unit, place) => {
    const need = lengths[unit]! + overhead;
    let room = need;
    while (room <= length && top[room]! < 0) room++;
    let row = rows;
    if (room <= length) {
      row = top[room]!;
      top[room] = below[row]!;
    } else {
      room = length;
      rows++;
    }
    rowOf[place] = row;
    below[row] = top[room - need]!;
    top[room - need] = row;
    used += need;
  });
  const packed = gather(order, rowOf, rows);
  const padded = rows === 0 ? 0 : 1 - used / (rows * length);
  return { rows, padded, ...(rng ? shuffleRows(packed, rng) : packed) };
}

/** Places of the units, longest first; among equals in the order of the list, or as `rng` shuffles it. */
function longestFirst(lengths: ArrayLike<number>, rng?: Rng): Int32Array {
  const n = lengths.length;
  const list = Int32Array.from({ length: n }, (_, i) => i);
  if (rng) shuffleInPlace(rng, list);
  let longest = 0;
  for (let i = 0; i < n; i++) longest = Math.max(longest, lengths[i]!);
  // A counting sort: first[l] is where units of length l begin, the longest at 0.
  const first = new Int32Array(longest + 2);
  for (let i = 0; i < n; i++) first[lengths[i]!]!++;
  for (let l = longest, sum = 0; l >= 0; l--) {
    const count = first[l]!;
    first[l] = sum;
    sum += count;
  }
  const order = new Int32Array(n);
  for (const unit of list) order[first[lengths[unit]!]!++] = unit;
  return order;
}

type Members = Pick<PackedRows, 'start' | 'members'>;

/** The members of each row, in the order in which they were placed. */
function gather(order: Int32Array, rowOf: Int32Array, rows: number): Members {
  const start = new Int32Array(rows + 1);
  for (const row of rowOf) start[row + 1]!++;
  for (let row = 0; row < rows; row++) start[row + 1]! += start[row]!;
  const next = start.slice();
  const members = new Int32Array(order.length);
  order.forEach((unit, place) => (members[next[rowOf[place]!]!++] = unit));
  return { start, members };
}

/** Shuffles the rows, then the units of each. */
function shuffleRows({ start, members }: Members, rng: Rng): Members {
  const rows = shuffleInPlace(
    rng,
    Int32Array.from({ length: start.length - 1 }, (_, row) => row),
  );
  const shuffled: Members = { start: new Int32Array(start.length), members: new Int32Array(members.length) };
  rows.forEach((row, place) => {
    const from = shuffled.start[place]!;
    const part = members.subarray(start[row], start[row + 1]);
    shuffled.members.set(part, from);
    shuffled.start[place + 1] = from + part.length;
    shuffleInPlace(rng, shuffled.members.subarray(from, from + part.length));
  });
  return shuffled;
}
