// For tests: a server on the tiny model of @mdiff/generate, on loopback.
import { connect, type AddressInfo, type Socket } from 'node:net';
import { loadModel, type Model, type SamplingOptions } from '@mdiff/generate';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach } from 'vitest';
import { fixture } from '../fixture.test.util.js';
import { createServer, type ServerOptions } from './server.js';

export const model = await loadModel(fixture);
afterAll(() => model.close());

/** Servers that end with their test. */
export const open: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

interface StartOptions extends Partial<ServerOptions> {
  model?: Promise<Model>;
  sampling?: SamplingOptions;
}

export async function start({ model: served = Promise.resolve(model), sampling = {}, ...options }: StartOptions = {}) {
  const app = createServer({ models: [{ name: model.name, model: served, sampling }], ...options });
  open.push(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const post = (body: unknown, init: RequestInit = {}) =>
    fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });
  const port = (app.server.address() as AddressInfo).port;
  return { app, url, port, post };
}

/** A model whose passes wait until they are let through. */
export function slow(): { model: Model; passes: number; release(): void } {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const state = {
    passes: 0,
    release: () => open(),
    model: {
      ...model,
      denoise: async (rows: Parameters<Model['denoise']>[0]) => {
        state.passes++;
        await gate;
        return model.denoise(rows);
      },
      openFilling: undefined,
    },
  };
  return state;
}

export const LIMIT = 20_000;
export const until = async (condition: () => boolean) => {
  const end = Date.now() + LIMIT;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${LIMIT} ms for ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

/** Sends bytes on a connection of its own; `answer` is all that comes back until the server ends it. */
export function raw(port: number, bytes: string | Buffer): { socket: Socket; answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let text = '';
  socket.on('data', (data) => (text += String(data)));
  const answer = new Promise<string>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  return { socket, answer };
}
