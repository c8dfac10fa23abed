// One record for each request: what happened, never what was asked or written unless the owner wants prompts too.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';

export interface RequestRecord {
  /** ISO 8601 */
  time: string;
  /** also the header x-request-id of the answer */
  id: string;
  method: string;
  /** without a query */
  path: string;
  /** 499 if the client left before its answer */
  status: number;
  ms: number;
  model?: string;
  prompt_tokens?: number;
  completion_tokens?: number;
  /** forward passes, summed over the texts */
  nfe?: number;
  /** only if the owner asks for prompts */
  request?: unknown;
}

type Notes = Pick<RequestRecord, 'model' | 'prompt_tokens' | 'completion_tokens' | 'nfe'>;

const notes = new WeakMap<FastifyRequest, Notes>();

/** Adds to the record of a request. */
export function note(request: FastifyRequest, more: Notes): void {
  notes.set(request, { ...notes.get(request), ...more });
}

/** The client's id for its request, if it has sent one that is safe to repeat. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

interface RecordOptions {
  readonly prompts: boolean;
  /** `route` is the pattern that the path fits, or `other`. */
  readonly onRequest: (record: RequestRecord, route: string) => void;
}

export function recordRequests(app: FastifyInstance, { prompts, onRequest }: RecordOptions): void {
  app.addHook('onRequest', (request, reply, done) => {
    const begun = performance.now();
    reply.header('x-request-id', request.id);
    // Not fastify's onResponse: it is silent about clients that leave.
    reply.raw.once('close', () =>
      onRequest(
        {
          time: new Date().toISOString(),
          id: request.id,
          method: request.method,
          path: request.url.split('?', 1)[0]!,
          status: reply.raw.writableFinished ? reply.raw.statusCode : 499,
          ms: Math.round(performance.now() - begun),
          ...notes.get(request),
          ...(prompts && request.body !== undefined && { request: request.body }),
        },
        request.routeOptions.url ?? 'other',
      ),
    );
    done();
  });
}
