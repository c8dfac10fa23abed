import { shuffle, stream, type Rng } from '@mdiff/diffusion';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CurriculumError } from './error.js';
import { unitsOf } from './fixture.test.util.js';
import { packRows } from './rows.js';
import type { Unit } from './units.js';

const shape = { length: 32, shiftHead: true };

describe('packRows', () => {
  it('places every unit once, in rows that hold it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 }),
        fc.integer(),
        fc.boolean(),
        (lengths, seed, shiftHead) => {
          const { rows, padded } = packRows(unitsOf(lengths), { length: 32, shiftHead }, stream(seed, 'test'));
          expect(
            rows
              .flat()
              .map(({ id }) => id)
              .sort((a, b) => a - b),
          ).toEqual(lengths.map((_, id) => id));
          const used = rows.map((row) => row.reduce((sum, { tokens }) => sum + tokens.length + (shiftHead ? 2 : 1), 0));
          for (const sum of used) expect(sum).toBeLessThanOrEqual(32);
          // 10⁻⁹: a share of sums of small integers, exact but for one division.
          expect(padded).toBeCloseTo(1 - used.reduce((a, b) => a + b, 0) / (32 * rows.length), 9);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has the same number of rows for every seed, in another order', () => {
    const units = unitsOf(Array.from({ length: 300 }, (_, i) => 1 + ((i * 7919) % 30)));
    const [first, second, again] = [1, 2, 1].map((seed) => packRows(units, shape, stream(seed, 'test')));
    expect(second!.rows).toHaveLength(first!.rows.length);
    expect(second!.rows).not.toEqual(first!.rows);
    expect(again).toEqual(first);
  });

  it('fills rows: units that fit together exactly leave no padding', () => {
    const { rows, padded } = packRows(unitsOf([30, 14, 14, 6, 22, 6, 6, 6, 6]), shape);
    expect(padded).toBe(0);
    expect(rows).toHaveLength(4);
  });

  it('refuses a unit longer than a row, and packs nothing into nothing', () => {
    expect(() => packRows(unitsOf([31]), shape)).toThrow(CurriculumError);
    expect(packRows([], shape)).toEqual({ rows: [], padded: 0 });
  });
});

/** Best-fit decreasing as one would write it, with a row as a list of units. */
function packPlainly(units: readonly Unit[], rng?: Rng): Unit[][] {
  const size = ({ tokens }: Unit): number => tokens.length + 2;
  const order = rng ? shuffle(rng, units) : [...units];
  order.sort((a, b) => size(b) - size(a));
  const open: Unit[][][] = Array.from({ length: shape.length + 1 }, () => []);
  const rows: Unit[][] = [];
  for (const unit of order) {
    let room = size(unit);
    while (room <= shape.length && open[room]!.length === 0) room++;
    const row = open[room]?.pop() ?? [];
    if (room > shape.length) rows.push(row);
    row.push(unit);
    open[Math.min(room, shape.length) - size(unit)]!.push(row);
  }
  return rng ? shuffle(rng, rows).map((row) => shuffle(rng, row)) : rows;
}

it('packs as lists of units would be packed, with the same draws', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 80 }), fc.option(fc.integer()), (lengths, seed) => {
      const units = unitsOf(lengths);
      const rng = (): Rng | undefined => (seed === null ? undefined : stream(seed, 'test'));
      expect(packRows(units, shape, rng()).rows).toEqual(packPlainly(units, rng()));
    }),
    { numRuns: 200 },
  );
});
