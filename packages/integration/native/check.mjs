// Parity of all engines, and what native TensorFlow must survive.
//   MDIFF_TENSORFLOW=<folder of a built @tensorflow/tfjs-node> node packages/integration/native/check.mjs [Vitest's arguments]
// For example `-t bfloat16`. Prints `N passed, N failed`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { line, tallyVitest } from '../../../tools/tally.mjs';

const place = (path) => fileURLToPath(new URL(path, import.meta.url));

if (!process.env.MDIFF_TENSORFLOW) {
  console.error('MDIFF_TENSORFLOW: expected the folder of a built @tensorflow/tfjs-node, got nothing; run "mdiff engine install tensorflow" and set it to the folder that is named');
  console.log('0 passed, 1 failed');
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-native-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const report = join(scratch, 'report.json');
const child = spawn(
  process.execPath,
  [place('../../../node_modules/vitest/vitest.mjs'), 'run', '--config', place('vitest.config.ts'), '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
child.on('exit', (code) => {
  let counts;
  try {
    counts = tallyVitest(JSON.parse(readFileSync(report, 'utf8')));
    // An unhandled error fails the run without failing a test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
  } catch (error) {
    console.error(`Vitest wrote no report: ${error.message}`);
    counts = { passed: 0, failed: 1 };
  }
  console.log(line(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
});
