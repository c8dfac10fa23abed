import { followLauncher, guardFailures, guardOutput } from '@mdiff/cli';
import { run } from './program.js';

followLauncher();
guardFailures();
guardOutput();
const code = await run(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;
