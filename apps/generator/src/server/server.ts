import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Model, SamplingOptions } from '@mdiff/generate';
import { complete } from './completions.js';
import { closeInOrder } from './closing.js';
import { ClientGone, closingError, errorAnswer, errorBody, type ErrorAnswer, type ErrorBody, RequestError } from './errors.js';
import { acceptJsonAlone, answerParserErrors, type ArrivalLimits } from './parsing.js';
import { createQueue } from './queue.js';
import { completionSchema, type Chunk, type CompletionRequest } from './schema.js';
import { eventStream } from './stream.js';

export interface ServerOptions {
  /** Resolves when the model is loaded; until then `/readyz` and completions answer 503. */
  readonly model: Promise<Model>;
  /** Options for what a request leaves out. If they hold no seed, each request without one gets a random seed. */
  readonly sampling?: SamplingOptions;
  /** Requests that may wait while one runs; the next gets 429. Default 16. */
  readonly waiting?: number;
  /** Bytes of a request body; more gets 413. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** How long a request may take to arrive, in ms. Default 15 s for its headers, 30 s for all of it. */
  readonly arrival?: ArrivalLimits;
  /** Time in ms that requests have once the server closes; those that run then get an error. Default 10 s. */
  readonly grace?: number;
  /** Receives internal errors; a client learns only that there was one. */
  readonly onError?: (error: Error) => void;
}

/** The HTTP server, not yet listening. `app.close()` refuses new requests and waits for those that run, for {@link ServerOptions.grace}. */
export function createServer({
  model,
  sampling = {},
  waiting = 16,
  bodyLimit = 1024 * 1024,
  arrival = { headers: 15_000, request: 30_000 },
  grace = 10_000,
  onError,
}: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit,
    // A client that sends its request a byte at a time must not hold a connection for ever. Node looks once in an interval, 30 s by default.
    requestTimeout: arrival.request,
    http: { headersTimeout: arrival.headers, connectionsCheckingInterval: Math.min(1_000, arrival.headers / 4) },
    clientErrorHandler: answerParserErrors(arrival),
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    // The schema decides; nothing is converted, filled in or dropped silently.
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: false,
        allowUnionTypes: true,
        verbose: true,
      },
    },
  });
  const jobs = new Set<AbortController>();
  closeInOrder(app, { grace, endJobs: () => jobs.forEach((job) => job.abort(closingError())) });
  acceptJsonAlone(app);
  const answerTo = (error: FastifyError | RequestError): ErrorAnswer => {
    const answer = errorAnswer(error, { bodyLimit });
    if (answer.status === 500) onError?.(error);
    return answer;
  };
  addRoutes(app, { model, sampling, waiting, jobs, errorOf: (error) => answerTo(error as FastifyError).body });
  app.setErrorHandler((error: FastifyError | RequestError | ClientGone, _, reply) => {
    if (error instanceof ClientGone) return reply.hijack();
    const { status, body, headers = {} } = answerTo(error);
    return reply.code(status).headers(headers).send(body);
  });
  return app;
}

interface RouteArgs extends Required<Pick<ServerOptions, 'model' | 'sampling' | 'waiting'>> {
  /** Requests that are answered now. */
  readonly jobs: Set<AbortController>;
  /** The event for a client whose answer has begun. */
  readonly errorOf: (error: Error) => ErrorBody;
}

function addRoutes(app: FastifyInstance, { model: loading, sampling, waiting, jobs, errorOf }: RouteArgs): void {
  const queue = createQueue(waiting);
  let model: Model | null = null;
  // The caller handles a model that fails to load; here it only means "not ready".
  loading.then(
    (loaded) => (model = loaded),
    () => undefined,
  );

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => (model ? { status: 'ready' } : reply.code(503).send({ status: 'loading' })));
  app.get('/v1/models', () => ({ object: 'list', data: model ? [described(model)] : [] }));
  app.get<{ Params: { id: string } }>('/v1/models/:id', ({ params: { id } }, reply) =>
    model?.name === id ? described(model) : reply.code(404).send(noModel(id, model)),
  );
  app.post<{ Body: CompletionRequest }>('/v1/completions', { schema: { body: completionSchema } }, async ({ body }, reply) => {
    if (!model)
      return reply
        .code(503)
        .header('retry-after', '1')
        .send(errorBody('the model is still loading; try again in a moment', { type: 'server_error', code: 'model_loading' }));
    if (body.model && body.model !== model.name) {
      return reply.code(404).send(noModel(body.model, model));
    }
    const loaded = model;
    const signal = jobSignal(reply, jobs);
    if (body.stream_options && !body.stream)
      throw new RequestError('stream_options: has an effect only with "stream": true; leave it out, or set stream', {
        param: 'stream_options',
      });
    if (!body.stream) return queue.run(() => complete(loaded, { body, sampling, signal }), signal);
    const events = await eventStream<Chunk>((onChunk) => queue.run(() => complete(loaded, { body, sampling, signal, onChunk }), signal), {
      errorOf,
    });
    return reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('x-accel-buffering', 'no')
      .send(events);
  });
  app.post('/v1/chat/completions', (_, reply) => reply.code(404).send(noChat));
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.code(404).send(
      errorBody(`no such endpoint: ${method} ${url}; use POST /v1/completions, GET /v1/models, /healthz or /readyz`, {
        code: 'not_found',
      }),
    ),
  );
}

const described = ({ name, created }: Model) => ({ id: name, object: 'model', created, owned_by: 'mdiff' });

const noModel = (id: string, model: Model | null): ErrorBody =>
  errorBody(`model: expected "${model?.name ?? 'a model that is loaded'}", got "${id}"`, { param: 'model', code: 'model_not_found' });

const noChat = errorBody(
  'this server continues and fills text and knows no chat; use POST /v1/completions with "prompt" (client.completions.create of the openai clients), and "suffix" for text that must follow',
  { code: 'unsupported_endpoint' },
);

/** Aborts when the client closes the connection before its answer is complete; `jobs` holds it until then. */
function jobSignal(reply: FastifyReply, jobs: Set<AbortController>): AbortSignal {
  const controller = new AbortController();
  jobs.add(controller);
  reply.raw.once('close', () => {
    jobs.delete(controller);
    if (!reply.raw.writableFinished) controller.abort(new ClientGone('the client closed the connection'));
  });
  return controller.signal;
}
