import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Model } from '@mdiff/generate';
import { closeInOrder } from './closing.js';
import { complete, type AnswerArgs } from './completions.js';
import { ClientGone, closingError, errorAnswer, errorBody, type ErrorAnswer, type ErrorBody, RequestError } from './errors.js';
import { guard } from './guard.js';
import { addDocsPage } from './docspage.js';
import { createDoor } from './door.js';
import { edit } from './editing.js';
import { fillGaps } from './infilling.js';
import { createJobs, type Jobs } from './jobs.js';
import type { Folders } from './localmodel.js';
import { note, recordRequests, requestId, type RequestRecord } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type Models, modelsOf, type ServedModel } from './models.js';
import { openApi } from './openapi.js';
import { addPage } from './page.js';
import { acceptJsonAlone, answerParserErrors, type ArrivalLimits } from './parsing.js';
import { createQueue, type Queue } from './queue.js';
import {
  completionSchema,
  editSchema,
  infillSchema,
  scoreSchema,
  type Chunk,
  type Completion,
  type CompletionRequest,
  type Editing,
  type EditRequest,
  type Infilling,
  type InfillRequest,
  type SamplingRequest,
  type ScoreRequest,
  type StreamRequest,
  type Usage,
} from './schema.js';
import { scoreTexts } from './scoring.js';
import { eventStream, type Events } from './stream.js';

export interface ServerOptions {
  readonly models: readonly ServedModel[];
  /** Requests that run at a time, in shared forward passes. Default 8. */
  readonly running?: number;
  /** Requests that may wait beside those that run; the next gets 429. Default 16. */
  readonly waiting?: number;
  /** Time in ms for which a request waits for one of those places before it gets 429. Default 1 s. */
  readonly patience?: number;
  /** Bytes of a request body; more gets 413. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** How long a request may take to arrive, in ms. Default 15 s for its headers, 30 s for all of it. */
  readonly arrival?: ArrivalLimits;
  /** Time in ms that a request may take, its time in line included. Default 300 s. */
  readonly timeout?: number;
  /** Time in ms that requests have once the server closes; those that run then get an error. Default 10 s. */
  readonly grace?: number;
  /** Once it aborts, `/readyz` says 503, so that a balancer sends requests elsewhere; those that come all the same are answered until the server closes. */
  readonly stopping?: AbortSignal | undefined;
  /** Model folders that visitors may run in their browser, by name. Default: none. */
  readonly folders?: Folders;
  /** The Bearer token that a client must send. Default: none. */
  readonly token?: string | undefined;
  /** Answer only requests whose Host is a name of loopback. Default true. */
  readonly checkHost?: boolean;
  /** Receives a record of each request. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Put the body of each request into its record. Default false. */
  readonly logPrompts?: boolean;
  /** Receives internal errors; a client learns only that there was one. */
  readonly onError?: (error: Error) => void;
}

/** The HTTP server, not yet listening. `app.close()` refuses new requests and waits for those that run, for {@link ServerOptions.grace}. */
export function createServer({
  models,
  running = 8,
  waiting = 16,
  patience = 1_000,
  bodyLimit = 1024 * 1024,
  arrival = { headers: 15_000, request: 30_000 },
  timeout = 300_000,
  grace = 10_000,
  stopping,
  folders = new Map(),
  token,
  checkHost = true,
  onRequest,
  logPrompts = false,
  onError,
}: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit,
    genReqId: requestId,
    // A client that sends its request a byte at a time must not hold a connection for ever. Node looks once in an interval, 30 s by default.
    requestTimeout: arrival.request,
    http: {
      headersTimeout: arrival.headers,
      connectionsCheckingInterval: Math.min(1_000, arrival.headers / 4),
      requireHostHeader: false, // guard.ts answers, with a body
    },
    clientErrorHandler: answerParserErrors(arrival),
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    ajv: { customOptions: STRICT },
  });
  const jobs = createJobs(timeout);
  const queue = createQueue({ running, waiting });
  const door = createDoor(queue, { patience, waiting });
  const metrics = createMetrics(queue, door);
  const onRecord = (record: RequestRecord, route: string): void => {
    metrics.request(record, route);
    onRequest?.(record);
  };
  recordRequests(app, { prompts: logPrompts, onRequest: onRecord });
  closeInOrder(app, { grace, stopping, refuseComing: () => door.empty(closingError()), endJobs: () => jobs.end(closingError()) });
  guard(app, { token, checkHost });
  door.guard(app);
  acceptJsonAlone(app);
  const answerTo = (error: FastifyError | RequestError, body?: unknown): ErrorAnswer => {
    const answer = errorAnswer(error, { bodyLimit, body });
    if (answer.status === 500) onError?.(error);
    return answer;
  };
  const loaded = modelsOf(models, { onFault: onError, onLoaded: metrics.loaded });
  for (const { name, onVersions } of models) onVersions?.((version) => loaded.replace(name, version));
  addRoutes(app, {
    models: loaded,
    stopping,
    folders,
    queue,
    metrics,
    jobs,
    // Nobody reads the end of a stream whose client has left, and it is no fault.
    errorOf: (error) => (error instanceof ClientGone ? errorBody(error.message) : answerTo(error as FastifyError).body),
  });
  app.setErrorHandler((error: FastifyError | RequestError | ClientGone, request, reply) => {
    // A stream that is handed over after its client has left closes early.
    const left = error instanceof ClientGone || ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE' && reply.raw.destroyed);
    if (left) return reply.hijack();
    const { status, body, headers = {} } = answerTo(error, request.body);
    return reply.code(status).headers(headers).send(body);
  });
  return app;
}

/** The schema decides; nothing is converted, filled in or dropped silently. */
const STRICT = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: false,
  allowUnionTypes: true,
  verbose: true,
} as const;

interface RouteArgs {
  readonly models: Models;
  readonly stopping: AbortSignal | undefined;
  readonly folders: Folders;
  /** One for all models: they share the processor. */
  readonly queue: Queue;
  readonly jobs: Jobs;
  readonly metrics: Metrics;
  /** The event for a client whose answer has begun. */
  readonly errorOf: (error: Error) => ErrorBody;
}

function addRoutes(app: FastifyInstance, args: RouteArgs): void {
  const { models, metrics, stopping } = args;
  const queued = { config: { queued: true } };
  for (const path of ['/livez', '/healthz']) app.get(path, () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => {
    if (stopping?.aborted) return reply.code(503).send({ status: 'stopping' });
    return models.ready ? { status: 'ready' } : reply.code(503).send({ status: 'loading' });
  });
  app.get('/v1/models', () => ({ object: 'list', data: models.loaded().map(described) }));
  app.get<{ Params: { id: string } }>('/v1/models/:id', ({ params: { id } }) => described(models.get(id).model));
  app.post<{ Body: CompletionRequest }>('/v1/completions', { ...queued, schema: { body: completionSchema } }, (request, reply) =>
    answerText({ body: request.body, request, reply }, args)<Chunk, Completion>(complete),
  );
  app.post<{ Body: InfillRequest }>('/v1/infill', { ...queued, schema: { body: infillSchema } }, (request, reply) =>
    answerText({ body: request.body, request, reply }, args)<Infilling, Infilling>(fillGaps),
  );
  app.post<{ Body: EditRequest }>('/v1/edit', { ...queued, schema: { body: editSchema } }, (request, reply) =>
    answerText({ body: request.body, request, reply }, args)<Editing, Editing>(edit),
  );
  app.post<{ Body: ScoreRequest }>('/v1/score', { ...queued, schema: { body: scoreSchema } }, (request, reply) =>
    work({ body: request.body, request, reply }, args)(scoreTexts),
  );
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  app.get('/openapi.json', () => openApi);
  addDocsPage(app);
  addPage(app, models, args.folders);
  app.post('/v1/chat/completions', (_, reply) => reply.code(404).send(noChat));
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.code(404).send(
      errorBody(
        `no such endpoint: ${method} ${url}; use POST /v1/completions, /v1/infill, /v1/edit or /v1/score, GET /v1/models, /livez, /readyz, /metrics, /docs or /openapi.json`,
        {
          code: 'not_found',
        },
      ),
    ),
  );
}

interface Asked<T> {
  readonly body: T;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Finds the model of a request and returns how to run its work when its turn comes; what it cost is noted. */
function work<T extends Pick<SamplingRequest, 'model'>>({ body, request, reply }: Asked<T>, { models, queue, jobs }: RouteArgs) {
  const { name } = models.get(body.model).model;
  note(request, { model: name });
  const signal = jobs.signal(reply);
  return <A extends { usage: Usage }>(answer: (model: Model, args: AnswerArgs<T>) => Promise<A>): Promise<A> => {
    const done = queue.run(
      () =>
        models.use(body.model, async ({ model, sampling }) => {
          let passes = 0;
          const onText = (nfe: number): void => void (passes += nfe);
          const done = await answer(model, { body, sampling, signal, onText });
          const { prompt_tokens, completion_tokens } = done.usage;
          note(request, { prompt_tokens, completion_tokens, nfe: passes });
          return done;
        }),
      signal,
    );
    // What goes wrong with an answer that is not wanted any more is no fault: the model may be closed in the middle of a call.
    return done.catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
  };
}

/** As `work`, for an answer that may come in pieces. */
function answerText<T extends SamplingRequest & StreamRequest>(asked: Asked<T>, args: RouteArgs) {
  const { stream, stream_options } = asked.body;
  if (stream_options && !stream)
    throw new RequestError('stream_options: has an effect only with "stream": true; leave it out, or set stream', {
      param: 'stream_options',
    });
  const run = work(asked, args);
  return async <C, A extends { usage: Usage }>(
    answer: (model: Model, more: AnswerArgs<T> & { events?: Events<C> }) => Promise<A>,
  ): Promise<unknown> => {
    if (!stream) return run(answer);
    const events = await eventStream<C>((all) => run((model, more) => answer(model, { ...more, events: all })), { errorOf: args.errorOf });
    return asked.reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('x-accel-buffering', 'no')
      .send(events);
  };
}

const described = ({ name, created }: Model) => ({ id: name, object: 'model', created, owned_by: 'mdiff' });

const noChat = errorBody(
  'this server continues and fills text and knows no chat; use POST /v1/completions with "prompt" (client.completions.create of the openai clients), and "suffix" for text that must follow',
  { code: 'unsupported_endpoint' },
);
