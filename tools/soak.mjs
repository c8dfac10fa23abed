// `npm run soak [kills]`: kills runs at random moments, 100 times unless told otherwise, and compares their weights with those of a run that was not.
import { join } from 'node:path';
import { execute, root } from './workspace.mjs';

const kills = process.argv[2] ?? '100';
const bin = (path) => join(root, 'node_modules', path);

const { code } = await execute(process.execPath, [bin('typescript-native/bin/tsc'), '-b'], { output: 'both' });
process.exitCode =
  code ||
  (
    await execute(process.execPath, [bin('vitest/vitest.mjs'), 'run', '--project', 'integration', 'soak'], {
      output: 'both',
      env: { MDIFF_KILLS: kills, MDIFF_BUILT: '1' },
    })
  ).code;
