import { mustBe } from '@mdiff/arguments';
import { SPECIAL } from '@mdiff/text';

import { CurriculumError } from './error.js';
import type { Row, RowShape } from './rows.js';
import type { StoredUnit } from './store.js';

/** The place of one unit in a batch. */
export interface PlacedUnit {
  /** the unit's id */
  unit: number;
  /** its row, 0…B−1 */
  row: number;
  /** column of its slot, [BOS] included if there is one */
  start: number;
  /** column of its first maskable position */
  maskableStart: number;
  /** number of maskable positions: its tokens and [EOS] */
  length: number;
}

/** Rows as the graph reads them, before any masking. Arrays are [B, S], row-major; see docs/architecture.md. */
export interface Batch {
  B: number;
  S: number;
  /** tokens, [PAD]-filled */
  ids: Int32Array;
  /** slot number in the row from 1; 0 = padding */
  segments: Int32Array;
  /** position in the slot, 0-based; 0 on padding */
  positions: Int32Array;
  units: PlacedUnit[];
  /** positions that are not padding */
  tokens: number;
}

/**
 * Lays rows out as a batch of exactly `B` rows of `length` positions; missing rows are all padding. [EOS] is appended to every unit and is maskable.
 * @throws CurriculumError for more than `B` rows or a row that is too full
 */
export function assemble(rows: readonly Row<StoredUnit>[], B: number, options: RowShape): Batch {
  mustBe('assemble', 'rows', rows, 'list');
  mustBe('assemble', 'B', B, 'number');
  mustBe('assemble', 'options', options, 'object');
  const { length: S, shiftHead } = options;
  if (rows.length > B) throw new CurriculumError(`batch: expected at most ${B} rows, got ${rows.length}; split them into several batches`);
  const ids = new Int32Array(B * S).fill(SPECIAL.pad);
  const segments = new Int32Array(B * S);
  const positions = new Int32Array(B * S);
  const units: PlacedUnit[] = [];
  let tokens = 0;
  rows.forEach((members, row) => {
    let start = 0;
    members.forEach((unit, index) => {
      const maskableStart = start + (shiftHead ? 1 : 0);
      const length = unit.tokens.length + 1;
      const end = maskableStart + length;
      if (end > S)
        throw new CurriculumError(
          `batch: expected a row of at most ${S} positions, got ${end} or more in row ${row}; pack the units with this length`,
        );
      if (shiftHead) ids[row * S + start] = SPECIAL.bos;
      ids.set(unit.tokens, row * S + maskableStart);
      ids[row * S + end - 1] = SPECIAL.eos;
      for (let column = start; column < end; column++) {
        segments[row * S + column] = index + 1;
        positions[row * S + column] = column - start;
      }
      units.push({ unit: unit.id, row, start, maskableStart, length });
      tokens += end - start;
      start = end;
    });
  });
  return { B, S, ids, segments, positions, units, tokens };
}
