// A server of static files on a loopback address, as any web host has one.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** With these headers a page may use shared memory, and so threads. */
export const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** Serves folders by the path that each stands under, such as `/site/`. `asked` lists the paths that were answered. */
export async function openSite(folders, headers = {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const prefix = Object.keys(folders).find((path) => pathname.startsWith(path));
    const path =
      prefix && join(folders[prefix], normalize(`/${pathname.slice(prefix.length)}${pathname.endsWith('/') ? 'index.html' : ''}`));
    const info = path ? await stat(path).catch(() => undefined) : undefined;
    if (!info?.isFile()) return response.writeHead(404).end();
    asked.push(pathname);
    response.writeHead(200, {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': info.size,
      ...headers,
    });
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://localhost:${server.address().port}`,
    asked,
    /** Ends it; a second time it does nothing. */
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
