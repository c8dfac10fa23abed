import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MdiffError } from '@mdiff/folder';

// The page of a run that goes on, for browsers of this machine alone.

/** Takes the new page in every few seconds; what the reader has opened stays open. */
export const refreshing = `
setInterval(async () => {
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const open = [...document.querySelectorAll('details')].map((one) => one.open);
  document.querySelector('main').replaceWith(page.querySelector('main'));
  document.querySelectorAll('details').forEach((one, i) => (one.open = open[i] ?? false));
}, 3000);
`;

/** A page of another site could reach a loopback address under a name of its own; only this machine's names count. */
const isLoopback = (host = ''): boolean => /^(localhost|127\.0\.0\.1)(:\d+)?$/i.test(host);

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
};

export interface WatchPage {
  url: string;
  close(): void;
}

/** Serves `page` at / on 127.0.0.1. @throws MdiffError MDIFF_PORT if the port is taken */
export async function servePage(port: number, page: () => Promise<string>): Promise<WatchPage> {
  const server = createServer((request, response) => {
    if (!isLoopback(request.headers.host)) return void response.writeHead(403).end();
    if (request.method !== 'GET' || new URL(request.url ?? '/', 'http://localhost').pathname !== '/')
      return void response.writeHead(404).end();
    page().then(
      (text) => response.writeHead(200, HEADERS).end(text),
      // A file that is being replaced is whole again a moment later.
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new MdiffError('MDIFF_PORT', `--port ${port}: cannot listen there (${error.code ?? error.message}); choose another port`)),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
