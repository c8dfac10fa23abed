#!/usr/bin/env node
import { followLauncher, guardFailures, guardOutput, reportFailure } from '@mdiff/cli';
import { program } from './program.js';

followLauncher();
guardFailures();
guardOutput();
await program()
  .parseAsync()
  .catch((error: unknown) => (process.exitCode = reportFailure(error)));
