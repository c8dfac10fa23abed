// One Vitest configuration, run and counted: what the suites outside `npm test` have in common.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { line, tallyVitest } from '../tools/tally.mjs';
import { execute, root } from '../tools/workspace.mjs';

/** Ends with the line `N passed, N failed` and the exit code that goes with it. */
export async function runSuite(config, args = [], env = {}) {
  const scratch = mkdtempSync(join(tmpdir(), 'mdiff-suite-'));
  const report = join(scratch, 'report.json');
  let counts;
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const { code } = await execute(
      process.execPath,
      [vitest, 'run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
      { env },
    );
    counts = tallyVitest(JSON.parse(readFileSync(report, 'utf8')));
    // An unhandled error fails the run without failing a test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
  } catch (error) {
    console.error(`Vitest wrote no report: ${error.message}`);
    counts = { passed: 0, failed: 1 };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(line(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
