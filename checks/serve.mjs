// Starts `mdiff serve` for a check and ends its process whatever happens.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../tools/workspace.mjs';

/** A server in a process group of its own, which holds the command and, in a checkout, the process that it starts. */
export async function startServing(args, { env = process.env, port = 0 } = {}) {
  const command = [join(root, 'apps/mdiff/bin/mdiff.js'), 'serve', ...args, '--port', String(port), '--json'];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], env, detached: true });
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => (text += data).includes('\n') && resolve(text));
    ended.then((code) => reject(new Error(`mdiff serve ended with ${code}`)));
  });
  return {
    /** what the server prints when it serves */
    ...JSON.parse(line),
    /** its exit code, once it has ended */
    ended,
    stop: () => child.kill('SIGTERM'),
    /** SIGKILL, for all of the group */
    kill: () => child.exitCode ?? process.kill(-child.pid, 'SIGKILL'),
  };
}

/** Runs `use` with the line that the server prints when it serves, as an object. */
export async function whileServing(args, options, use) {
  const server = await startServing(args, options);
  try {
    return await use(server);
  } finally {
    server.stop();
    await server.ended;
  }
}
