// Answers to requests that fail. Clients read OpenAI's error object; internal details stay on the server.
import { STATUS_CODES } from 'node:http';
import type { FastifyError } from 'fastify';
import { QueueFull } from './queue.js';
import { unbuilt, wordParameters } from './schema.js';

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

type Details = Partial<Omit<ErrorBody['error'], 'message'>>;
type Headers = Readonly<Record<string, string>>;

/** A request that this server refuses. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly headers: Headers;
  readonly details: Details;
  constructor(message: string, { status = 400, headers = {}, ...details }: Details & { status?: number; headers?: Headers } = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.details = details;
  }
}

/** Headers of an answer whose client should try again after a second. */
export const RETRY_SOON: Headers = { 'retry-after': '1' };

export const closingError = (): RequestError =>
  new RequestError('the server is stopping; send the request to another, or again when it is back', {
    status: 503,
    type: 'server_error',
    code: 'server_stopping',
    headers: { 'retry-after': '5' },
  });

export interface ErrorAnswer {
  status: number;
  body: ErrorBody;
  headers?: Headers;
}

/** The answer to a request that ended with `error`; `body` is that of the request, if it has arrived. */
export function errorAnswer(error: FastifyError | RequestError, { bodyLimit, body }: { bodyLimit: number; body?: unknown }): ErrorAnswer {
  if (error instanceof RequestError) return { status: error.status, body: errorBody(error.message, error.details), headers: error.headers };
  if (error instanceof QueueFull)
    return {
      status: 429,
      body: errorBody(error.message, { type: 'rate_limit_error', code: 'queue_full' }),
      headers: RETRY_SOON,
    };
  if (error.validation) return { status: 400, body: invalidBody(error.validation as Invalid[]) };
  const code: string = error.code ?? '';
  if (code === 'MDIFF_GENERATE') {
    const { tooLong } = error as { tooLong?: boolean };
    const message = renamed(error.message);
    const subject = /^[a-z_]+(?=[: ])/.exec(message)?.[0] ?? '';
    // A canvas of "parts" is a text to @mdiff/generate, and no parameter of the request.
    const param = Object.hasOwn((body as object | null | undefined) ?? {}, subject) ? subject : null;
    return {
      status: 400,
      body: errorBody(message, { param, code: tooLong === true ? 'context_length_exceeded' : 'invalid_request' }),
    };
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return { status: 413, body: errorBody(`body: expected at most ${bodyLimit} bytes; send a shorter prompt`, { code: 'body_too_large' }) };
  const status = error.statusCode ?? 500;
  if (status < 500) return { status, body: errorBody(error.message, { code: 'bad_request' }) };
  return { status, body: errorBody('the server failed to answer this request', { type: 'server_error', code: 'internal_error' }) };
}

/** A message of @mdiff/generate with the names that a request has for the options. */
const renamed = (message: string): string =>
  Object.entries(wordParameters)
    .reduce((text, [parameter, option]) => text.replaceAll(option, parameter), message)
    .replace('maxTokens', 'max_tokens');

/** An answer as bytes, for a connection whose request never became one; the connection ends with it. */
export function rawAnswer(status: number, body: ErrorBody): string {
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`;
}

/** An error of Ajv, which the option `verbose` gives the value that it is about. */
type Invalid = NonNullable<FastifyError['validation']>[number] & {
  data?: unknown;
  parentSchema?: { description?: string };
};

/** A body that the schema refuses. */
function invalidBody(errors: readonly Invalid[]): ErrorBody {
  // Of a value that may take several forms, only the last error says that it has none of them.
  const error = errors.find(({ keyword }) => keyword === 'anyOf') ?? errors[0]!;
  const param = error.instancePath.split('/')[1] ?? null;
  if (error.keyword === 'required' && param === null) {
    const missing = String(error.params['missingProperty']);
    return errorBody(`${missing}: missing; this request needs it`, { param: missing, code: 'missing_required_parameter' });
  }
  const refused = param === null ? undefined : unbuilt[param];
  if (refused) {
    return errorBody(`${param}: ${shown(error.data)} is not supported by this server: ${refused.instead}`, {
      param,
      code: 'unsupported_parameter',
    });
  }
  if (error.schemaPath.startsWith('#/additionalProperties'))
    return errorBody(`${param}: is not supported by this server; leave it out`, { param, code: 'unknown_parameter' });
  return errorBody(`${param ?? 'body'}: ${expectation(error)}`, { param, code: 'invalid_value' });
}

/** The error in words: "expected X, got Y". */
function expectation({ keyword, params, message, data, parentSchema }: Invalid): string {
  const got = `got ${shown(data)}`;
  const { limit, type, comparison, allowedValues } = params as {
    limit?: number;
    type?: string | string[];
    comparison?: string;
    allowedValues?: unknown[];
  };
  if (keyword === 'type') return `expected ${[type].flat().join(' or ')}, ${got}`;
  if (keyword === 'enum') return `expected ${allowedValues!.map((value) => JSON.stringify(value)).join(' or ')}, ${got}`;
  if (comparison !== undefined) return `expected a number ${comparison} ${limit}, ${got}`;
  if (keyword === 'maxLength') return `expected at most ${limit} characters, got ${(data as string).length}`;
  if (keyword === 'minLength') return `expected at least ${limit} character, ${got}`;
  if (keyword === 'maxItems') return `expected at most ${limit} entries, got ${(data as unknown[]).length}`;
  if (keyword === 'anyOf') return `expected ${parentSchema?.description}, ${got}`;
  return message ?? 'is not valid';
}

const SHOWN = 60;

function shown(value: unknown): string {
  const text = String(JSON.stringify(value));
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
