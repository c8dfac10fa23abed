import { describe, expect, test } from 'vitest';
import { lastTally, line, tallyVitest } from './tally.mjs';

const report = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
const passing = { status: 'passed', assertionResults: [{ status: 'passed' }] };
const failing = { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] };
const broken = { status: 'failed', assertionResults: [] };

describe('tallyVitest', () => {
  test('takes the counts of a report', () => {
    expect(tallyVitest({ ...report, testResults: [passing, failing] })).toEqual({ passed: 3, failed: 1, skipped: 3, files: 2 });
  });

  test('counts a file that could not be loaded as a failure', () => {
    expect(tallyVitest({ ...report, testResults: [passing, failing, broken] }).failed).toBe(2);
  });
});

describe('lastTally', () => {
  test('reads the last count of an output', () => {
    expect(lastTally('1 passed, 0 failed\nnoise\n12 passed, 3 failed\n')).toEqual({ passed: 12, failed: 3 });
  });

  test('is null where there is none, so that a crash is not taken for zero failures', () => {
    expect(lastTally('Traceback\nall 12 passed, 3 failed')).toBeNull();
  });

  test('is what line writes', () => {
    expect(lastTally(line({ passed: 7, failed: 2 }))).toEqual({ passed: 7, failed: 2 });
  });
});
