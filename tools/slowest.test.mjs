import { describe, expect, test } from 'vitest';
import { slowest } from './slowest.mjs';

const quick = Array.from({ length: 20 }, (_, i) => ({ name: `packages/quick-${i}.test.ts`, seconds: 0.25 }));

describe('slowest', () => {
  test('names the files that take the most, and asks to look at one above the limit', () => {
    const lines = slowest([...quick, { name: 'packages/long.test.ts', seconds: 3 }, { name: 'packages/too-long.test.ts', seconds: 21 }]);
    expect(lines[0]).toBe('Processor time of 22 test files: 29 s. The slowest:');
    expect(lines[1]).toBe('  21.0 s  packages/too-long.test.ts  (above 20 s: make it shorter, or move it into .ci/run)');
    expect(lines[2]).toBe('   3.0 s  packages/long.test.ts');
    expect(lines).toHaveLength(11);
  });

  test('says nothing of a run of a few files, which somebody works on', () => {
    expect(slowest(quick.slice(1))).toEqual([]);
  });
});
