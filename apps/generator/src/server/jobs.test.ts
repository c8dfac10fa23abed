import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { afterEach, expect, it, vi } from 'vitest';
import { createJobs, READ_TIME } from './jobs.js';

afterEach(() => void vi.useRealTimers());

/** An answer that its client does not read. */
function unread(): { reply: FastifyReply; destroyed(): boolean } {
  let destroyed = false;
  const raw = Object.assign(new EventEmitter(), {
    writableFinished: false,
    destroy: () => {
      destroyed = true;
      raw.emit('close');
    },
  });
  return { reply: { raw } as unknown as FastifyReply, destroyed: () => destroyed };
}

it('a request ends when its time is over, and the connection of a client that does not read its answer a little later', () => {
  vi.useFakeTimers();
  const { reply, destroyed } = unread();
  const signal = createJobs(1_000).signal(reply);
  vi.advanceTimersByTime(1_000);
  expect(signal.reason).toMatchObject({ details: { code: 'timeout' } });
  expect(destroyed()).toBe(false);
  vi.advanceTimersByTime(READ_TIME);
  expect(destroyed()).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it('no timer is left of an answer that was read', () => {
  vi.useFakeTimers();
  const { reply } = unread();
  createJobs(1_000).signal(reply);
  reply.raw.emit('close');
  expect(vi.getTimerCount()).toBe(0);
});
