// `mdiff serve` on the two small models of @mdiff/generate, and a proxy in front of it; both on loopback.
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { root } from '../../tools/workspace.mjs';
import { whileServing } from '../serve.mjs';

const fixtures = join(root, 'packages/generate/fixtures');

/** Runs `use` with the address of a server on both models. */
export const withServer = ({ token }, use) =>
  whileServing([join(fixtures, 'shifted'), join(fixtures, 'plain'), ...(token ? ['--token', token] : [])], {}, async ({ url }) =>
    use({ url: `${url}/`, page: await headersOf(`${url}/`) }),
  );

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
