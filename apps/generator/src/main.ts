#!/usr/bin/env node
import { report } from './report.js';
import { program } from './program.js';

await program().parseAsync().catch(report);
