import { afterEach, expect, it, vi } from 'vitest';
import type { Frame } from './frames.js';
import { remoteClient } from './remote.js';
import { eventReader } from './sse.js';

afterEach(() => vi.unstubAllGlobals());

it('reads events however the network cuts them', () => {
  const stream = 'event: denoise\ndata: {"a":1}\n\ndata: two\r\n\r\n: a comment\n\ndata: [DONE]\n\n';
  const whole = eventReader()(stream);
  expect(whole).toEqual([
    { event: 'denoise', data: '{"a":1}' },
    { event: 'message', data: 'two' },
    { event: 'message', data: '[DONE]' },
  ]);
  const read = eventReader();
  expect([...stream].flatMap((character) => read(character))).toEqual(whole);
});

const client = remoteClient('http://host/under/', () => 'secret');
const answer = (body: string, status = 200) => {
  const fetch = vi.fn<(url: string, init: RequestInit) => Promise<Response>>(async () => new Response(body, { status }));
  vi.stubGlobal('fetch', fetch);
  return fetch;
};
const signal = new AbortController().signal;

it('joins the pieces of a completion behind the prompt, and hands on the frames', async () => {
  const frame = { step: 1, nfe: 3, pieces: [] };
  const fetch = answer(
    `event: denoise\ndata: ${JSON.stringify(frame)}\n\ndata: {"object":"text_completion","seed":7,"choices":[{"text":" Ish"}]}\n\n` +
      `data: {"object":"text_completion","seed":7,"choices":[{"text":"mael"}]}\n\ndata: [DONE]\n\n`,
  );
  const frames: Frame[] = [];
  const written = await client.write({ path: 'completions', body: { prompt: 'Call me' } }, { signal, onFrame: (one) => frames.push(one) });
  expect(written).toEqual({ text: 'Call me Ishmael', seed: 7, nfe: 3 });
  expect(frames).toEqual([frame]);
  const [url, init] = fetch.mock.calls[0]!;
  expect(url).toBe('http://host/under/v1/completions');
  expect(init.headers).toMatchObject({ authorization: 'Bearer secret' });
  expect(JSON.parse(String(init.body))).toEqual({ prompt: 'Call me', stream: true, stream_options: { denoise: true } });
});

it('takes a filled text whole', async () => {
  answer('data: {"object":"infill","seed":1,"choices":[{"text":"a b","fills":["b"]}]}\n\ndata: [DONE]\n\n');
  expect(await client.write({ path: 'infill', body: {} }, { signal, onFrame: () => undefined })).toEqual({ text: 'a b', seed: 1 });
});

it("fails in the server's words, before and after the answer has begun", async () => {
  const write = () => client.write({ path: 'infill', body: {} }, { signal, onFrame: () => undefined });
  answer('{"error":{"message":"too long","code":"context_length_exceeded"}}', 400);
  await expect(write()).rejects.toMatchObject({ message: 'too long', code: 'context_length_exceeded' });
  answer('data: {"error":{"message":"stopping","code":"server_stopping"}}\n\n');
  await expect(write()).rejects.toMatchObject({ message: 'stopping' });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(write()).rejects.toThrow('The server does not answer.');
});
