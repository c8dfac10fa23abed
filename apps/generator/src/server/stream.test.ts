import { expect, it } from 'vitest';
import { eventStream, type Events } from './stream.js';

const failed = { errorOf: ({ message }: Error) => ({ error: message }) };
const text = async (stream: AsyncIterable<unknown>): Promise<string> => {
  let out = '';
  for await (const piece of stream) out += String(piece);
  return out;
};

it('sends events in order, those before the first pass too, and [DONE]', async () => {
  const stream = await eventStream<number>(async ({ send, begun, extra }) => {
    send(1);
    begun();
    extra('denoise', { step: 1 });
    send(2);
  }, failed);
  expect(await text(stream)).toBe('data: 1\n\nevent: denoise\ndata: {"step":1}\n\ndata: 2\n\ndata: [DONE]\n\n');
});

it('fails with its status before it has begun, and with an event afterwards', async () => {
  const broken = async ({ send, begun }: Events<number>, begin: boolean) => {
    send(1);
    if (begin) begun();
    throw new Error('broken');
  };
  await expect(eventStream<number>((events) => broken(events, false), failed)).rejects.toThrow('broken');
  const stream = await eventStream<number>((events) => broken(events, true), failed);
  expect(await text(stream)).toBe('data: 1\n\ndata: {"error":"broken"}\n\n');
});

it('leaves events beside the answer out for a client that does not read, and sends the answer whole', async () => {
  const stream = await eventStream<number>(async ({ send, extra }) => {
    for (let step = 0; step < 1_000; step++) extra('denoise', 'x'.repeat(1_000));
    send(1);
  }, failed);
  const sent = await text(stream);
  expect(sent.length).toBeLessThan(300_000);
  expect(sent.endsWith('data: 1\n\ndata: [DONE]\n\n')).toBe(true);
});
