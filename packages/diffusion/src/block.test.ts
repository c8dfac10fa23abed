import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitBlocks } from './block.js';

describe('splitBlocks', () => {
  it('is one block without a block length', () => {
    expect(splitBlocks([3, 4, 9], null, 7)).toEqual([{ positions: [3, 4, 9], steps: 7 }]);
  });

  it('covers blockLength positions from a mask on, and shares the steps', () => {
    expect(splitBlocks([3, 4, 5, 9, 10, 11], 2, 8)).toEqual([
      { positions: [3, 4], steps: 2 },
      { positions: [5], steps: 2 },
      { positions: [9, 10], steps: 2 },
      { positions: [11], steps: 2 },
    ]);
    expect(splitBlocks([0, 1, 2, 3, 4, 5], 2, 11).map((b) => b.steps)).toEqual([4, 4, 3]);
  });

  it('joins blocks rather than exceed the steps', () => {
    expect(splitBlocks([0, 1, 2, 3, 4], 1, 2)).toEqual([
      { positions: [0, 1, 2], steps: 1 },
      { positions: [3, 4], steps: 1 },
    ]);
  });

  it('loses no mask and no step', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(60), { minLength: 1 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        (set, blockLength, numSteps) => {
          const positions = set.sort((a, b) => a - b);
          const blocks = splitBlocks(positions, blockLength, numSteps);
          expect(blocks.flatMap((b) => b.positions)).toEqual(positions);
          expect(blocks.reduce((sum, b) => sum + b.steps, 0)).toBe(numSteps);
          for (const block of blocks) expect(block.steps).toBeGreaterThan(0);
        },
      ),
    );
  });
});
