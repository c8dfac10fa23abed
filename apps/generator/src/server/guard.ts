// Who may ask. Without a token anybody who reaches the port may, so without one the server listens on loopback, where the Host header keeps pages of
// other sites out: a page whose name its owner points at 127.0.0.1 (DNS rebinding) still sends its own name.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RequestError } from './errors.js';
import { isLoopback } from './loopback.js';
import { PAGE_PATHS } from './page.js';

interface GuardOptions {
  readonly token?: string | undefined;
  /** Refuse a Host that is no name of this machine's loopback. */
  readonly checkHost: boolean;
}

/** Paths that a supervisor asks for without a token, and the page, which asks you for it. They tell nobody anything. */
const OPEN = new Set(['/healthz', '/livez', '/readyz', ...PAGE_PATHS]);

export function guard(app: FastifyInstance, { token, checkHost }: GuardOptions): void {
  const wanted = token === undefined ? null : digest(token);
  app.addHook('onRequest', (request, _, done) => done(hostFault(request, checkHost) ?? tokenFault(request, wanted)));
}

function hostFault({ headers }: FastifyRequest, check: boolean): RequestError | undefined {
  if (headers.host === undefined) return new RequestError('host: this header is missing; HTTP/1.1 needs it', { code: 'bad_request' });
  const name = headers.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  if (!check || isLoopback(name)) return undefined;
  const message = `host: this server answers to localhost and 127.0.0.1 alone, got "${name.slice(0, 100)}"; use one of them, or start it with --host and --token`;
  return new RequestError(message, { status: 403, code: 'host_not_allowed' });
}

function tokenFault({ headers, routeOptions }: FastifyRequest, wanted: Buffer | null): RequestError | undefined {
  if (wanted === null || OPEN.has(routeOptions.url ?? '')) return undefined;
  const given = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  // Digests have one length, so that the comparison takes the same time for every token.
  if (given !== undefined && timingSafeEqual(digest(given), wanted)) return undefined;
  const fault = given === undefined ? 'is missing' : 'is not the one that this server was started with';
  return new RequestError(`authorization: the token ${fault}; send "Authorization: Bearer <token>" (api_key in the openai clients)`, {
    status: 401,
    code: 'invalid_api_key',
    headers: { 'www-authenticate': 'Bearer' },
  });
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
