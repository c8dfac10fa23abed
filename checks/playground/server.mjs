// `mdiff serve` on the two small models of @mdiff/generate, and a proxy in front of it; both on loopback.
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';

const fixtures = join(root, 'packages/generate/fixtures');

/** Starts the server, runs `use` with its address, and ends its process whatever happens. */
export async function withServer({ token }, use) {
  const args = ['serve', join(fixtures, 'shifted'), join(fixtures, 'plain'), '--port', '0', '--json', ...(token ? ['--token', token] : [])];
  const child = spawn(process.execPath, [join(root, 'apps/mdiff/bin/mdiff.js'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const line = await new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (data) => (text += data).includes('\n') && resolve(text));
      ended.then((code) => reject(new Error(`mdiff serve ended with ${code}`)));
    });
    return await use({ url: `${JSON.parse(line).url}/`, page: await headersOf(`${JSON.parse(line).url}/`) });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** The first request for the page builds it. */
const headersOf = async (url) => (await fetch(url)).headers;

/** Shows a server under a path, as a web host's proxy does. */
export async function withProxy(url, path, use) {
  const target = new URL(url);
  const proxy = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith(path)) return outgoing.writeHead(404).end();
    const forwarded = request(
      {
        host: target.hostname,
        port: target.port,
        path: incoming.url.slice(path.length - 1),
        method: incoming.method,
        headers: { ...incoming.headers, host: target.host },
      },
      (answer) => answer.pipe(outgoing.writeHead(answer.statusCode, answer.headers)),
    );
    incoming.pipe(forwarded);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${proxy.address().port}${path}`);
  } finally {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  }
}
