import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';

/** Compiles mdiff's packages, as they are published: reading TypeScript would count in start-up and memory. Returns whether that worked. */
export function compilePackages() {
  console.log('compiling the packages of mdiff');
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  return spawnSync(process.execPath, [tsc, '-b', join(root, 'bench')], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
