// Arriving requests: bodies are JSON in UTF-8 and nothing else; those that HTTP's parser refuses get an answer too.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { errorBody, rawAnswer, RequestError } from './errors.js';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A browser may send plain text and forms to any server without asking first, so only JSON is read. */
export function acceptJsonAlone(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('preParsing', ({ headers }, _, payload, done) => {
    const coding = headers['content-encoding'] ?? 'identity';
    if (coding.toLowerCase() === 'identity') return done(null, payload);
    done(wrongType(`content-encoding: this server reads no compressed bodies, got "${coding}"; send the JSON as it is`));
  });
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
    if (charset !== undefined && !/^utf-?8$/i.test(charset))
      return done(wrongType(`content-type: JSON is UTF-8, got charset "${charset}"; send UTF-8`), undefined);
    let text: string;
    try {
      text = UTF8.decode(body);
    } catch {
      return done(new RequestError('body: not valid UTF-8; encode the JSON as UTF-8', { code: 'invalid_utf8' }), undefined);
    }
    if (text.trim() === '') return done(new RequestError('body: empty; send a JSON object', { code: 'invalid_json' }), undefined);
    parse(request, text, (error, value) => {
      if (error) done(new RequestError(`body: not JSON (${error.message})`, { code: 'invalid_json' }), undefined);
      else done(null, value);
    });
  });
  app.addContentTypeParser('*', (request, _, done) => {
    const type = request.headers['content-type'];
    done(
      wrongType(`content-type: expected application/json, got ${type ? `"${type}"` : 'none'}; send -H 'content-type: application/json'`),
    );
  });
}

const wrongType = (message: string): RequestError => new RequestError(message, { status: 415, code: 'unsupported_media_type' });

/** Limits in ms of how long a request may take to arrive. A connection that sends nothing has the time of the headers. */
export interface ArrivalLimits {
  readonly headers: number;
  readonly request: number;
}

/** Answers requests that never become one. */
export function answerParserErrors({ headers, request }: ArrivalLimits): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const { status, message, code } = parserError(error, { headers, request });
    socket.end(rawAnswer(status, errorBody(message, { code })));
    setTimeout(() => socket.destroy(), 1_000).unref();
  };
}

function parserError(error: NodeJS.ErrnoException, limits: ArrivalLimits): { status: number; message: string; code: string } {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = `the request did not arrive in time (headers ${limits.headers / 1000} s, all of it ${limits.request / 1000} s); send it again`;
    return { status: 408, message, code: 'request_timeout' };
  }
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return {
      status: 431,
      message: 'headers: expected at most 16 KiB together; leave out what the server does not need',
      code: 'headers_too_large',
    };
  const reason = (error as { reason?: string }).reason ?? error.message;
  return { status: 400, message: `not an HTTP/1.1 request (${reason}); if you wrote https, write http`, code: 'bad_request' };
}
