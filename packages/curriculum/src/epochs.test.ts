import { describe, expect, it } from 'vitest';

import { feed } from './epochs.js';
import { unitsOf } from './fixture.test.util.js';
import { packRows } from './rows.js';
import { storeOf } from './store.js';

const lengths = Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 14));
const first = unitsOf(lengths);
const second = unitsOf(lengths.slice(0, 60)).map((unit) => ({ ...unit, id: unit.id + 1000 }));
const shape = { length: 16, shiftHead: true };
const rowsPerStage = [first, second].map((units) => packRows(units, shape).rows.length);
// Two stages of 3 and 8 epochs, 8 rows a step; the second blends in over four epochs.
const stepsPerEpoch = rowsPerStage.map((rows) => Math.ceil(rows / 8));
const steps = [3 * stepsPerEpoch[0]!, 8 * stepsPerEpoch[1]!];
const totalSteps = steps[0]! + steps[1]!;
const ownShare = (step: number): number =>
  step < steps[0]! ? 1 : Math.min(1, (Math.floor((step - steps[0]!) / stepsPerEpoch[1]!) + 1) / 5);
const make = (seed = 7) =>
  feed({ steps, ownShare, unitsPerStage: [first, second].map(storeOf), seed, batchSize: 4, accumulation: 2, ...shape });
const ids = (rows: readonly (readonly { id: number }[])[]) => rows.flat().map(({ id }) => id);

describe('feed', () => {
  it('shows every unit once an epoch, in another order each time', () => {
    const text = make();
    const per = stepsPerEpoch[0]!;
    const epochs = [0, 1, 2].map((epoch) => Array.from({ length: per }, (_, i) => ids(text.rowsAt(epoch * per + i))).flat());
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual(first.map(({ id }) => id));
    expect(epochs[1]).not.toEqual(epochs[0]);
  });

  it('counts the passes of each stage, and refuses steps outside the stages', () => {
    const text = make();
    expect([0, stepsPerEpoch[0]! - 1, stepsPerEpoch[0]!, steps[0]!, totalSteps - 1].map((step) => text.epochAt(step))).toEqual([
      0, 0, 1, 0, 7,
    ]);
    for (const step of [-1, totalSteps]) expect(() => text.rowsAt(step)).toThrow(RangeError);
  });

  it('is a function of seed and step, independent of earlier calls', () => {
    const forward = make();
    const all = Array.from({ length: totalSteps }, (_, step) => forward.batchesAt(step));
    const backward = make();
    for (let step = totalSteps - 1; step >= 0; step--) expect(backward.batchesAt(step)).toEqual(all[step]);
    expect(make().batchesAt(17)).toEqual(all[17]);
    expect(make(8).batchesAt(0)).not.toEqual(all[0]);
  });

  it('makes at most `accumulation` batches of `batchSize` rows, the last step of an epoch with the rest', () => {
    const text = make();
    const rows = Array.from({ length: stepsPerEpoch[0]! }, (_, step) => text.rowsAt(step).length);
    expect(rows.slice(0, -1).every((count) => count === 8)).toBe(true);
    expect(rows.at(-1)).toBe(rowsPerStage[0]! - 8 * (stepsPerEpoch[0]! - 1));
    for (let step = 0; step < stepsPerEpoch[0]!; step++) {
      const batches = text.batchesAt(step);
      expect(batches).toHaveLength(Math.ceil(rows[step]! / 4));
      for (const batch of batches) expect(batch).toMatchObject({ B: 4, S: 16 });
      expect(batches.every(({ units }) => units.length > 0)).toBe(true);
    }
  });

  it('draws rows from the stage before while a stage blends in, in the configured share', () => {
    const [firstStep, per] = [steps[0]!, stepsPerEpoch[1]!];
    // Share of the stage's own rows: 1/5 … 4/5 over four epochs, then 1. Over 200 seeds, a share of some thousand rows; bound: six standard errors.
    const share = (epoch: number) => {
      let own = 0;
      let all = 0;
      for (let seed = 0; seed < 200; seed++) {
        const text = make(seed);
        for (let i = 0; i < per; i++) {
          const rows = text.rowsAt(firstStep + epoch * per + i);
          own += rows.filter((row) => row[0]!.id >= 1000).length;
          all += rows.length;
        }
      }
      return [own / all, 6 * Math.sqrt(0.25 / all)] as const;
    };
    for (const [epoch, expected] of [
      [0, 0.2],
      [3, 0.8],
      [4, 1],
    ] as const) {
      const [got, bound] = share(epoch);
      expect(Math.abs(got - expected)).toBeLessThan(expected === 1 ? 1e-12 : bound);
    }
  });
});
