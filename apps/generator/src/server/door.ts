// Requests that come while the line is full. Each waits at the door, with its body unread, until a place in line is free; after some time it is refused.
// Clients that ask again at once, and do not obey `retry-after`, would otherwise take the processor from those that are answered.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ClientGone, errorAnswer, RETRY_SOON } from './errors.js';
import { type Queue, QueueFull } from './queue.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** its requests need a place in the queue */
    queued?: boolean;
  }
}

/** Requests at the door at most; the next is refused at once. A request there holds its connection and no body. */
const MOST_AT_DOOR = 256;

export interface Door {
  /** Stops every request that is to be queued until it may go on, or refuses it. Call it once those that may not ask are refused. */
  guard(app: FastifyInstance): void;
  /** Refuses all that wait at the door. */
  empty(reason: Error): void;
  readonly size: number;
}

/** @param patience time in ms that a request waits at the door */
export function createDoor(queue: Queue, { patience, waiting }: { patience: number; waiting: number }): Door {
  const atDoor = new Set<(error?: Error) => void>();
  const text = JSON.stringify(errorAnswer(new QueueFull(waiting), { bodyLimit: 0 }).body);
  const refuse = (reply: FastifyReply): void => void reply.code(429).headers(RETRY_SOON).type('application/json; charset=utf-8').send(text);
  // First come, first served: each free place lets one in.
  queue.onRoom(() => {
    const [first] = atDoor;
    if (first && !queue.full) first();
  });
  return {
    guard(app) {
      app.addHook('onRequest', (request, reply, done) => {
        if (!request.routeOptions.config.queued || (!queue.full && atDoor.size === 0)) return done();
        if (patience === 0 || atDoor.size >= MOST_AT_DOOR) return refuse(reply);
        const leave = (): void => {
          clearTimeout(timer);
          reply.raw.off('close', gone);
          atDoor.delete(enter);
        };
        const enter = (error?: Error): void => {
          leave();
          done(error);
        };
        const gone = (): void => enter(new ClientGone('the client closed the connection'));
        const timer = setTimeout(() => {
          leave();
          refuse(reply);
        }, patience);
        reply.raw.once('close', gone);
        atDoor.add(enter);
      });
    },
    empty(reason) {
      for (const enter of [...atDoor]) enter(reason);
    },
    get size() {
      return atDoor.size;
    },
  };
}
