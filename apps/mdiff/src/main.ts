import { followLauncher, guardOutput } from '@mdiff/cli';
import { run } from './program.js';

followLauncher();
guardOutput();
const code = await run(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;
