// Requests that are answered now: each ends early if its client leaves, its time is over, or the server stops.
import type { FastifyReply } from 'fastify';
import { ClientGone, RequestError } from './errors.js';

/** Time in ms that a client has to read the end of its answer once the time of its request is over. */
export const READ_TIME = 10_000;

export interface Jobs {
  /** A signal for the work of one request, which aborts when the answer is not wanted any more. */
  signal(reply: FastifyReply): AbortSignal;
  /** Ends all of them with an error. */
  end(reason: Error): void;
}

/** @param limit time of one request in ms, its time in line included */
export function createJobs(limit: number): Jobs {
  const running = new Set<AbortController>();
  return {
    signal(reply) {
      const controller = new AbortController();
      running.add(controller);
      let timer = setTimeout(() => {
        controller.abort(overtime(limit));
        // A client that does not read, or is gone without a word, would keep its answer in memory for ever.
        timer = setTimeout(() => reply.raw.destroy(), READ_TIME).unref();
      }, limit);
      reply.raw.once('close', () => {
        clearTimeout(timer);
        running.delete(controller);
        if (!reply.raw.writableFinished) controller.abort(new ClientGone('the client closed the connection'));
      });
      return controller.signal;
    },
    end(reason) {
      for (const controller of running) controller.abort(reason);
    },
  };
}

const overtime = (limit: number): RequestError =>
  new RequestError(`this request took longer than ${limit / 1000} s, its time in line included; ask for fewer or shorter texts`, {
    status: 503,
    type: 'server_error',
    code: 'timeout',
    // The openai clients would send the same work again.
    headers: { 'x-should-retry': 'false' },
  });
