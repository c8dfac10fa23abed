import { expect, it, vi } from 'vitest';
import type { Client } from './client.js';
import { switchClient } from './switch.js';

const client = (where: Client['where']): Client => ({
  where,
  models: async () => ({ ready: true, models: [] }),
  write: async () => ({ text: where, seed: 1 }),
  score: async () => ({ tokens: 1, bits_per_byte: 1, bits_per_byte_error: null }),
});
const signal = new AbortController().signal;

it('asks the server until somebody wants the browser, which is opened once', async () => {
  const open = vi.fn(async () => client('browser'));
  const both = switchClient(client('server'), open);
  const write = async () => (await both.write({ path: 'infill', body: {} }, { signal, onFrame: () => undefined })).text;
  expect([both.where, await write(), open.mock.calls.length]).toEqual(['server', 'server', 0]);
  await both.use('browser');
  expect([both.where, await write()]).toEqual(['browser', 'browser']);
  await both.use('server');
  await both.use('browser');
  expect([await write(), open.mock.calls.length]).toEqual(['browser', 1]);
});
