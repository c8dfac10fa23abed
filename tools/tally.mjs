// Counting: how test.mjs and .ci/run add up checks. No file access, so that it can be tested.

/** Counts of a Vitest JSON report. A file that failed before any of its tests ran counts as one failure, or it would vanish. */
export function tallyVitest(report) {
  const counts = { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests + report.numTodoTests };
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return { ...counts, failed: counts.failed + broken.length, files: report.testResults.length };
}

/** The last line `N passed, N failed` of a program's output; null when it has none. */
export function lastTally(text) {
  const found = [...text.matchAll(/^(\d+) passed, (\d+) failed\s*$/gm)].at(-1);
  return found ? { passed: Number(found[1]), failed: Number(found[2]) } : null;
}

export const line = ({ passed, failed }) => `${passed} passed, ${failed} failed`;
