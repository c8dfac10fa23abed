import { expect, it, vi } from 'vitest';
import { ClientError, type Client } from './client.js';
import type { PageModel } from './settings.js';
import { createSession } from './session.js';
import { docOf } from './state.js';
import { switchClient } from './switch.js';

const model = { id: 'moby', max_seq_len: 64 } as PageModel;
const frame = {
  step: 1,
  nfe: 1,
  pieces: [
    { text: 'Call me', state: 'given' as const },
    { text: ' Ahab', state: 'committed' as const, confidence: 0.5 },
  ],
};

const client = (parts: Partial<Client> = {}): Client => ({
  where: 'server',
  models: async () => ({ ready: true, local: true, models: [model] }),
  write: async (_, { onFrame }) => {
    onFrame(frame);
    return { text: 'Call me Ahab', seed: 1 };
  },
  score: async () => ({ tokens: 1, bits_per_byte: 1, bits_per_byte_error: null }),
  ...parts,
});
const still = { still: () => true };

it('writes, and puts the text into the editor', async () => {
  const session = createSession(client(), still);
  await session.connect();
  session.write({ kind: 'continue' });
  await vi.waitFor(() => expect(docOf(session.state()).text).toBe('Call me Ahab'));
});

it('stops without a word of failure', async () => {
  const write = vi.fn<Client['write']>(
    (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  const session = createSession(client({ write }), still);
  session.write({ kind: 'continue' });
  session.stop();
  await Promise.resolve();
  expect(session.state()).toMatchObject({ runs: {}, failure: null, notice: 'Stopped.' });
});

it('asks every model for its figures, and the chosen one for words', async () => {
  const score = vi.fn<Client['score']>(async () => ({ tokens: 1, bits_per_byte: 1, bits_per_byte_error: null }));
  const models = async () => ({ ready: true, models: [model, { ...model, id: 'other' }] });
  const session = createSession(client({ score, models }), still);
  await session.connect();
  session.send({ type: 'typed', text: 'Call me' });
  session.read();
  await vi.waitFor(() => expect(session.state().reading).toMatchObject({ busy: false }));
  expect(score.mock.calls.map(([question]) => question)).toEqual([
    { model: 'moby', text: 'Call me', words: true },
    { model: 'other', text: 'Call me', words: false },
  ]);
});

it('a browser that cannot run the model goes back to the server, and says why', async () => {
  const broken = client({ where: 'browser', models: () => Promise.reject(new ClientError('no WebAssembly')) });
  const both = switchClient(client(), async () => broken);
  const session = createSession(both, still);
  await session.connect();
  await session.runOn('browser');
  expect([both.where, session.state().ready, session.state().failure]).toEqual(['server', true, 'no WebAssembly']);
});
