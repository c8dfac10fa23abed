// `npm run soak [kills]`: kills a run at random moments, 100 times unless told otherwise, and compares its weights with those of a run that was not.
import { join } from 'node:path';
import { execute, root } from './workspace.mjs';

const { code } = await execute(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'integration', 'soak'],
  {
    output: 'both',
    env: { MDIFF_KILLS: process.argv[2] ?? '100' },
  },
);
process.exitCode = code;
