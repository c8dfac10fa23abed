#!/usr/bin/env node
import { followLauncher, guardOutput, reportFailure } from '@mdiff/cli';
import { program } from './program.js';

followLauncher();
guardOutput();
await program()
  .parseAsync()
  .catch((error: unknown) => (process.exitCode = reportFailure(error)));
