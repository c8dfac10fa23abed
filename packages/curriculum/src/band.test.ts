import { describe, expect, it } from 'vitest';

import { selectUnits } from './band.js';
import { unitsOf } from './fixture.test.util.js';

const thresholds = { easy_threshold: 33, hard_threshold: 67 };
const counts = (n: number) => {
  const units = unitsOf(new Array<number>(n).fill(1));
  const complexity = units.map(({ id }) => (id * 7919) % n);
  return (['easy', 'medium', 'hard', 'all'] as const).map((selection) => selectUnits(units, complexity, selection, thresholds).length);
};

describe('selectUnits', () => {
  // The counts of docs/configuration-specification.md, section 4.5.
  it('has the bands of the specification', () => {
    expect(counts(1000)).toEqual([330, 340, 330, 1000]);
    expect(counts(3200)).toEqual([1056, 1088, 1056, 3200]);
    expect(counts(7)).toEqual([3, 2, 2, 7]);
  });

  it('sorts by complexity, ties by id, and keeps the order of the text', () => {
    const units = unitsOf([1, 1, 1, 1, 1, 1]);
    const ids = (complexity: number[], selection: 'easy' | 'hard') =>
      selectUnits(units, complexity, selection, { easy_threshold: 50, hard_threshold: 50.1 }).map(({ id }) => id);
    expect(ids([5, 4, 3, 2, 1, 0], 'easy')).toEqual([3, 4, 5]);
    expect(ids([1, 1, 1, 1, 1, 1], 'easy')).toEqual([0, 1, 2]);
    expect(ids([5, 0, 5, 0, 5, 0], 'hard')).toEqual([2, 4]);
  });

  it('refuses scores of another list', () => {
    expect(() => selectUnits(unitsOf([1, 1]), [0], 'easy', thresholds)).toThrow(RangeError);
  });
});
