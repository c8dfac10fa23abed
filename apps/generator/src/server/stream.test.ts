import { expect, it } from 'vitest';
import { eventStream } from './stream.js';

const failed = { errorOf: ({ message }: Error) => ({ error: message }) };
const text = async (stream: AsyncIterable<unknown>): Promise<string> => {
  let out = '';
  for await (const piece of stream) out += String(piece);
  return out;
};

it('sends events in order, those before the first pass too, and [DONE]', async () => {
  const stream = await eventStream<number>(async (onChunk) => {
    onChunk(1);
    onChunk(null);
    onChunk(2);
  }, failed);
  expect(await text(stream)).toBe('data: 1\n\ndata: 2\n\ndata: [DONE]\n\n');
});

it('fails with its status before it has begun, and with an event afterwards', async () => {
  const broken = async (onChunk: (chunk: number | null) => void, begin: boolean) => {
    onChunk(1);
    if (begin) onChunk(null);
    throw new Error('broken');
  };
  await expect(eventStream<number>((onChunk) => broken(onChunk, false), failed)).rejects.toThrow('broken');
  const stream = await eventStream<number>((onChunk) => broken(onChunk, true), failed);
  expect(await text(stream)).toBe('data: 1\n\ndata: {"error":"broken"}\n\n');
});
