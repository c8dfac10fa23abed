// Serves the playground (web/): the page, its files, and what it needs to know of the models.
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { createGzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { pageModel } from '../pagemodel.js';
import { RequestError } from './errors.js';
import { addModelFiles, folderUrl, givesModels, type Folders } from './localmodel.js';
import type { Models } from './models.js';
import { pageFolder } from './pagefolder.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** The page runs its own files alone and talks to this server alone. Its model in the browser is WebAssembly, in a worker. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The last three isolate the page from all others, which gives a model in the browser its threads. */
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

/** Paths that a browser loads before the page can ask for a token. They are the same on every server and tell nobody anything. */
export const PAGE_PATHS = ['/', '/assets/:file'];

export function addPage(app: FastifyInstance, models: Models, folders: Folders): void {
  addModelFiles(app, folders, HEADERS);
  app.get('/', async (_, reply) =>
    reply
      .headers(HEADERS)
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(await readFile(join(await pageFolder(), 'index.html'))),
  );
  app.get<{ Params: { file: string } }>('/assets/:file', async ({ params: { file }, headers }, reply) => {
    const folder = join(await pageFolder(), 'assets');
    // Only a name that the folder lists is opened, so a path cannot lead out of it.
    if (!(await readdir(folder)).includes(file))
      throw new RequestError(`no such file of the page: ${file}; reload the page`, { status: 404, code: 'not_found' });
    // The name of a file holds a hash of its content.
    reply
      .headers(HEADERS)
      .type(TYPES[extname(file)] ?? 'application/octet-stream')
      .header('cache-control', 'public, max-age=31536000, immutable');
    const content = createReadStream(join(folder, file));
    if (!/\.(js|css)$/.test(file) || !/\bgzip\b/.test(headers['accept-encoding'] ?? '')) return reply.send(content);
    return reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding').send(content.pipe(createGzip()));
  });
  app.get('/playground.json', (_, reply) => {
    const served = models.loaded().map(({ name }) => {
      const { model, sampling } = models.get(name);
      return pageModel(model, { folder: folderUrl(name), leftToRight: model.openWriter !== undefined, sampling });
    });
    return reply
      .header('cache-control', 'no-cache')
      .send({ mode: 'server', local: givesModels(folders), ready: models.ready, models: served });
  });
}
