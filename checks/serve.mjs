// Starts `mdiff serve` for a check and ends its process whatever happens.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../tools/workspace.mjs';

/** Runs `use` with the line that the server prints when it serves, as an object. */
export async function whileServing(args, { env = process.env } = {}, use) {
  const command = [join(root, 'apps/mdiff/bin/mdiff.js'), 'serve', ...args, '--port', '0', '--json'];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const line = await new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (data) => (text += data).includes('\n') && resolve(text));
      ended.then((code) => reject(new Error(`mdiff serve ended with ${code}`)));
    });
    return await use(JSON.parse(line));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
