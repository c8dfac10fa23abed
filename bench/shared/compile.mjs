import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';

/** Compiles mdiff's packages, as they are published: reading TypeScript would count in start-up and memory. Returns whether that worked. */
export function compilePackages() {
  console.log('compiling the packages of mdiff');
  const tsc = join(root, 'node_modules/typescript-native/bin/tsc');
  return spawnSync(process.execPath, [tsc, '-b', join(root, 'bench')], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
