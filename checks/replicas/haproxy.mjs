// HAProxy with the configuration that runs/cluster ships, and the log that it writes.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { root } from '../../tools/workspace.mjs';

/** A port of loopback that is free now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** One line of the log: `127.0.0.1 200 12 one -- POST /v1/completions 6f1c…`. */
function record(line) {
  const [, status, ms, replica, ended, , , id] = line.trim().split(' ');
  return { status: Number(status), ms: Number(ms), replica, whole: ended === '--', id };
}

/** Runs `use` with the address of a balancer before two replicas, and with `served`, the log of its requests by their id. */
export async function whileBalancing(replicas, use) {
  const port = await freePort();
  const env = { ...process.env, BIND: `127.0.0.1:${port}`, REPLICA_1: `127.0.0.1:${replicas[0]}`, REPLICA_2: `127.0.0.1:${replicas[1]}` };
  const child = spawn('haproxy', ['-db', '-f', join(root, 'runs/cluster/haproxy.cfg')], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const served = new Map();
  let rest = '';
  child.stdout.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) served.set(record(line).id, record(line));
  });
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const url = `http://127.0.0.1:${port}`;
  const listens = async () => {
    while (!(await fetch(url).catch(() => undefined))) await wait(100);
  };
  try {
    await Promise.race([listens(), ended.then((code) => Promise.reject(new Error(`haproxy ended with ${code}: ${said}`)))]);
    return await use({ url, served });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
