// Answers to requests that fail. Clients read OpenAI's error object; internal details stay on the server.
import type { FastifyError } from 'fastify';
import { QueueFull } from './queue.js';

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export function errorBody(
  message: string,
  { type = 'invalid_request_error', param = null, code = null }: Partial<Omit<ErrorBody['error'], 'message'>> = {},
): ErrorBody {
  return { error: { message, type, param, code } };
}

/** The client closed the connection before its answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Status and body of the answer to a request that ended with `error`. */
export function errorAnswer(error: FastifyError, { bodyLimit }: { bodyLimit: number }): { status: number; body: ErrorBody } {
  if (error instanceof QueueFull) return { status: 429, body: errorBody(error.message, { type: 'rate_limit_error', code: 'queue_full' }) };
  if (error.validation) return { status: 400, body: invalidBody(error.validation) };
  const code: string = error.code ?? '';
  if (code === 'MDIFF_GENERATE') return { status: 400, body: errorBody(error.message, { param: 'prompt', code: 'invalid_request' }) };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return { status: 413, body: errorBody(`body: expected at most ${bodyLimit} bytes`, { code: 'body_too_large' }) };
  const status = error.statusCode ?? 500;
  if (status < 500) return { status, body: errorBody(error.message) };
  return { status, body: errorBody('the server failed to answer this request', { type: 'server_error', code: 'internal_error' }) };
}

/** A body that the schema refuses. */
function invalidBody([first]: NonNullable<FastifyError['validation']>): ErrorBody {
  const param = String(first?.params['additionalProperty'] ?? first?.instancePath.split('/')[1] ?? '') || null;
  const reason = first?.keyword === 'additionalProperties' ? 'is not supported by this server' : (first?.message ?? 'is not valid');
  return errorBody(`${param ?? 'body'}: ${reason}`, { param });
}
