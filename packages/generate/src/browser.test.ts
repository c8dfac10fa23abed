// The package as a browser has it, with stand-ins for the server, the cache and the worker. checks/browser runs it in Chromium.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveWebWorker, type WebWorker, type WebWorkerScope } from '@mdiff/workers/browser';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { generate, loadModel, score, type LoadOptions } from './browser.js';
import { fixture } from './fixture.test.util.js';
import { loadModel as loadWithNode } from './index.js';
import { service } from './runtime/service.js';
import type { OpenArgs } from './runtime/webworker.js';

const base = 'https://example.org/site/model';

/** A server that counts what it is asked for, and a cache. */
function web() {
  const asked: string[] = [];
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  const state = { online: true, asked, kept };
  const cache = {
    match: async (url: string) => (kept.has(url) ? new Response(kept.get(url)) : undefined),
    put: async (url: string, response: Response) => void kept.set(url, new Uint8Array(await response.arrayBuffer())),
    delete: async (url: string) => kept.delete(url),
    keys: async () => [...kept.keys()].map((url) => ({ url })),
  };
  vi.stubGlobal('caches', { open: async () => cache });
  vi.stubGlobal('fetch', async (url: string) => {
    if (!state.online) throw new TypeError('Failed to fetch');
    asked.push(url.slice(base.length + 1));
    const content = await readFile(join(fixture('shifted'), url.slice(base.length))).catch(() => undefined);
    return content ? new Response(new Uint8Array(content)) : new Response('', { status: 404 });
  });
  return state;
}

/** A worker that runs in this thread, on ONNX Runtime for Node. */
function startWorker(): WebWorker {
  const { port1, port2 } = new MessageChannel();
  const methods = service(async ({ graph }: OpenArgs) => ({
    session: await InferenceSession.create(graph),
    Tensor,
    loadCausal: () => Promise.reject(new Error('none')),
    report: { device: 'wasm' as const, threads: 1 },
  }));
  serveWebWorker({ ...methods, prepare: () => undefined }, port2 as unknown as WebWorkerScope);
  port1.start();
  port2.start();
  return Object.assign(port1, { terminate: () => port1.close() }) as unknown as WebWorker;
}

const options: LoadOptions = { startWorker };
let server: ReturnType<typeof web>;
beforeEach(() => void (server = web()));
afterEach(() => void vi.unstubAllGlobals());

it('gives the same text as Node, from an address and from files', async () => {
  const names = ['manifest.json', 'config.json', 'generation_config.json', 'tokenizer.json', 'onnx/model.onnx'];
  const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(fixture('shifted'), name))])));
  const texts = [];
  for (const open of [() => loadModel(base, options), () => loadModel(files, options), () => loadWithNode(fixture('shifted'))]) {
    const model = await open();
    const { texts: written } = await generate(model, { prompt: 'a', seed: 3, n: 2, maxTokens: 12 });
    texts.push([written.map(({ text }) => text), (await score(model, 'a b', { seed: 1 })).bitsPerByte]);
    await model.close();
  }
  expect(texts[0]).toEqual(texts[2]);
  expect(texts[1]).toEqual(texts[2]);
});

it('asks a server once for each file, says how far it is, and needs no server after that', async () => {
  const progress: [number, number][] = [];
  const first = await loadModel(base, { ...options, onProgress: (...state) => progress.push(state) });
  await first.close();
  expect([...server.asked].sort()).toEqual(['config.json', 'generation_config.json', 'manifest.json', 'onnx/model.onnx', 'tokenizer.json']);
  expect(progress.at(-1)![0]).toBe(progress.at(-1)![1]);
  server.asked.length = 0;
  await (await loadModel(base, options)).close();
  expect(server.asked).toEqual(['manifest.json']);
  server.online = false;
  const model = await loadModel(base, options);
  expect(model).toMatchObject({ name: first.name, runtime: { device: 'wasm', threads: 1 } });
  await model.close();
});

it('fetches a kept file again that is damaged, and forgets what is of no version', async () => {
  await (await loadModel(base, options)).close();
  const graph = [...server.kept.keys()].find((key) => key.includes('model.onnx'))!;
  server.kept.get(graph)![100]! ^= 1;
  server.kept.set(`${base}/onnx/model.onnx?sha256=0`, new Uint8Array(1));
  server.asked.length = 0;
  await (await loadModel(base, options)).close();
  expect(server.asked).toEqual(['manifest.json', 'onnx/model.onnx']);
  expect([...server.kept.keys()].filter((key) => key.includes('model.onnx'))).toEqual([graph]);
});

it('says what is wrong with an address', async () => {
  await expect(loadModel('https://example.org/site/model/other', options)).rejects.toThrow(
    'https://example.org/site/model/other: expected a model folder, got no manifest.json; give the folder that training wrote (…/model)',
  );
  server.online = false;
  await expect(loadModel('https://example.org/site/model', options)).rejects.toThrow(
    'https://example.org/site/model/manifest.json: cannot be reached (Failed to fetch); check the address and the connection',
  );
});
