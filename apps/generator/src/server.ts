import { randomInt, randomUUID } from 'node:crypto';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { generate, type Model, type SamplingOptions } from '@mdiff/generate';
import { createQueue, QueueFull } from './queue.js';
import { completionSchema, errorBody, samplingOf, type Completion, type CompletionRequest } from './schema.js';

export interface ServerOptions {
  /** Resolves when the model is loaded; until then `/readyz` and completions answer 503. */
  readonly model: Promise<Model>;
  /** What a request does not say. Without a seed here, a request without one gets a random seed. */
  readonly sampling?: SamplingOptions;
  /** Requests that may wait while one runs; the next gets 429. Default 16. */
  readonly waiting?: number;
  /** Bytes of a request body; more gets 413. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** Told of faults of the server's own; clients learn only that there was one. */
  readonly onError?: (error: Error) => void;
}

/** The HTTP server, not yet listening. `app.close()` refuses new requests and waits for those that run. */
export function createServer({ model: loading, sampling = {}, waiting = 16, bodyLimit = 1024 * 1024, onError }: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit,
    // A client that sends its request a byte at a time must not hold a connection for ever.
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    // The schema decides; nothing is converted, filled in or dropped silently.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, allowUnionTypes: true } },
  });
  // Bodies are JSON or nothing: a browser may send plain text to any server without asking first.
  app.removeContentTypeParser('text/plain');
  // An answer given while closing must not leave its connection open, or closing waits until that times out.
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  const queue = createQueue(waiting);
  let model: Model | null = null;
  // Whoever made the promise handles its failure; here it only means "not ready".
  loading.then((loaded) => (model = loaded), () => undefined);

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => (model ? { status: 'ready' } : reply.code(503).send({ status: 'loading' })));
  app.get('/v1/models', () => ({
    object: 'list',
    data: model ? [{ id: model.name, object: 'model', created: model.created, owned_by: 'mdiff' }] : [],
  }));
  app.post<{ Body: CompletionRequest }>('/v1/completions', { schema: { body: completionSchema } }, async ({ body }, reply) => {
    if (!model) return reply.code(503).header('retry-after', '1').send(errorBody('the model is still loading; try again in a moment', { type: 'server_error', code: 'model_loading' }));
    if (body.model && body.model !== model.name) {
      return reply.code(404).send(errorBody(`model: expected "${model.name}", got "${body.model}"`, { param: 'model', code: 'model_not_found' }));
    }
    const loaded = model;
    const signal = disconnected(reply);
    return queue.run(() => complete(loaded, body, sampling, signal), signal);
  });

  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorBody(`${request.method} ${request.url}: expected POST /v1/completions, GET /v1/models, /healthz or /readyz`, { code: 'not_found' })),
  );
  app.setErrorHandler((error: FastifyError | ClientGone, _, reply) => {
    if (error instanceof ClientGone) return reply.hijack();
    const { status, body } = describe(error, bodyLimit);
    if (status === 500) onError?.(error);
    if (status === 429) reply.header('retry-after', '1');
    return reply.code(status).send(body);
  });
  return app;
}

/** Nobody is left to answer. */
class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Aborts when the client goes away before the answer is out. */
function disconnected(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new ClientGone('the client went away'));
  });
  return controller.signal;
}

async function complete(model: Model, body: CompletionRequest, sampling: SamplingOptions, signal: AbortSignal): Promise<Completion> {
  const seed = body.seed ?? sampling.seed ?? model.generation.seed ?? randomInt(2 ** 32);
  const { texts, promptTokens } = await generate(model, {
    ...sampling,
    n: 1,
    ...samplingOf(body),
    seed,
    prompt: body.prompt ?? '',
    suffix: body.suffix ?? '',
    signal,
    ...(body.max_tokens ? { maxTokens: body.max_tokens } : {}),
  });
  const completion_tokens = texts.reduce((sum, text) => sum + text.tokens, 0);
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    seed,
    choices: texts.map((text, index) => ({ index, text: text.completion, logprobs: null, finish_reason: text.finish })),
    usage: { prompt_tokens: promptTokens, completion_tokens, total_tokens: promptTokens + completion_tokens },
  };
}

function describe(error: FastifyError, bodyLimit: number): { status: number; body: ReturnType<typeof errorBody> } {
  if (error instanceof QueueFull) return { status: 429, body: errorBody(error.message, { type: 'rate_limit_error', code: 'queue_full' }) };
  if (error.validation) {
    const [first] = error.validation;
    const param = String(first?.params['additionalProperty'] ?? first?.instancePath.split('/')[1] ?? '') || null;
    const what = first?.keyword === 'additionalProperties' ? 'is not supported by this server' : (first?.message ?? 'is not valid');
    return { status: 400, body: errorBody(`${param ?? 'body'}: ${what}`, { param }) };
  }
  const code: string = error.code ?? '';
  if (code === 'MDIFF_GENERATE') return { status: 400, body: errorBody(error.message, { param: 'prompt', code: 'invalid_request' }) };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { status: 413, body: errorBody(`body: expected at most ${bodyLimit} bytes`, { code: 'body_too_large' }) };
  const status = error.statusCode ?? 500;
  if (status < 500) return { status, body: errorBody(error.message) };
  // What went wrong inside is no business of the client's.
  return { status, body: errorBody('the server failed to answer this request', { type: 'server_error', code: 'internal_error' }) };
}
