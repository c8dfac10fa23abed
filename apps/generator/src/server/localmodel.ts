// Model folders, and ONNX Runtime, for visitors who run a model in their browser: what `@mdiff/generate/browser` fetches.
import { createReadStream, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { FILES, MANIFEST } from '@mdiff/folder';
import { RequestError } from './errors.js';

/** Folders by the name of their model. */
export type Folders = ReadonlyMap<string, string>;

const RUNTIME = /^ort-wasm-simd-threaded(\.asyncify)?\.(mjs|wasm)$/;
const READ: readonly string[] = [MANIFEST, FILES.config, FILES.tokenizer, FILES.generation, FILES.graph, FILES.causal];
const TYPES: Readonly<Record<string, string>> = {
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/** The folder of ONNX Runtime's files for browsers; undefined if onnxruntime-web is not installed. */
function runtimeFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  } catch {
    return undefined;
  }
}

/** True if a visitor's browser can be given a model. */
export const givesModels = (folders: Folders): boolean => folders.size > 0 && runtimeFolder() !== undefined;

/** The address of a model's folder, relative to the page. */
export const folderUrl = (name: string): string => `folders/${encodeURIComponent(name)}/`;

export function addModelFiles(app: FastifyInstance, folders: Folders, headers: Readonly<Record<string, string>>): void {
  const send = (reply: FastifyReply, folder: string | undefined, file: string): FastifyReply => {
    const path = folder && join(folder, file);
    if (!path || !existsSync(path)) throw new RequestError(`no such file: ${file}; reload the page`, { status: 404, code: 'not_found' });
    reply
      .headers(headers)
      .type(TYPES[extname(file)] ?? 'application/octet-stream')
      .header('cache-control', 'no-cache');
    return reply.send(createReadStream(path));
  };
  // Only names of these lists are opened, so a path cannot lead out of a folder.
  app.get<{ Params: { file: string } }>('/ort/:file', ({ params: { file } }, reply) =>
    send(reply, RUNTIME.test(file) ? runtimeFolder() : undefined, file),
  );
  const give = (reply: FastifyReply, name: string, file: string) => send(reply, READ.includes(file) ? folders.get(name) : undefined, file);
  app.get<{ Params: { id: string; file: string } }>('/folders/:id/:file', ({ params }, reply) => give(reply, params.id, params.file));
  app.get<{ Params: { id: string; file: string } }>('/folders/:id/onnx/:file', ({ params }, reply) =>
    give(reply, params.id, `onnx/${params.file}`),
  );
}
