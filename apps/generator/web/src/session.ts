// Does what takes time: asks the models, plays the steps. Holds the state and tells the page of each change.
import { ClientError, type Client } from './client.js';
import { pace } from './frames.js';
import { requestOf, type Action } from './request.js';
import { docOf, initial, isRunning, lastStep, modelOf, next, type Event, type Run, type Side, type State } from './state.js';

/** The event as the reducer wants it, without its time. */
type Timeless<T> = T extends unknown ? Omit<T, 'time'> : never;

export interface Session {
  state(): State;
  subscribe(listener: () => void): () => void;
  send(event: Timeless<Event>): void;
  write(action: Action): void;
  read(): void;
  stop(): void;
  /** Goes over to the server, or to a model in this browser. */
  runOn(where: Client['where']): Promise<void>;
  /** Asks which models there are, until all are loaded. */
  connect(): Promise<void>;
}

export const freshSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

interface SessionOptions {
  /** shows the end of a text at once */
  readonly still: () => boolean;
}

export function createSession(client: Client, { still }: SessionOptions): Session {
  let state = initial;
  let work = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();
  const send = (event: Timeless<Event>): void => {
    state = next(state, { ...event, time: Date.now() } as Event);
    for (const listener of listeners) listener();
    // The player runs while there is something to play.
    if (state.playing && timer === undefined) timer = setTimeout(advance, pace(lastStep(state) + 1));
  };
  const advance = (): void => {
    timer = undefined;
    if (state.playing) send({ type: 'advanced' });
  };
  const begin = (): AbortSignal => {
    work.abort();
    work = new AbortController();
    return work.signal;
  };
  /** Tells of a failure, unless the work was stopped. */
  const fail = (error: unknown, signal: AbortSignal): void => {
    if (signal.aborted) return;
    work.abort();
    const { message, code } = error instanceof ClientError ? error : { message: String(error), code: null };
    send({ type: 'failed', message, token: code === 'invalid_api_key' });
  };
  const follow = async (side: Side, run: Run, signal: AbortSignal): Promise<void> => {
    const start = performance.now();
    try {
      const onFrame = (frame: Run['frames'][number]): void => void (signal.aborted || send({ type: 'framed', side, frame }));
      const result = await client.write(run.request, { signal, onFrame });
      if (!signal.aborted) send({ type: 'finished', side, result, took: performance.now() - start, still: still() });
    } catch (error) {
      fail(error, signal);
    }
  };
  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    send,
    write(action) {
      const runs = plan(state, action);
      const signal = begin();
      send({ type: 'started', runs });
      for (const side of ['a', 'b'] as const) if (runs[side]) void follow(side, runs[side], signal);
    },
    read() {
      void readAll(client, state, { signal: begin(), send, fail });
    },
    stop() {
      work.abort();
      if (isRunning(state)) send({ type: 'stopped' });
    },
    async runOn(where) {
      begin();
      send({ type: 'dismissed' });
      send({ type: 'set', values: { failure: null } });
      send({ type: 'models', models: state.models, ready: false });
      await move(client, where, send);
      const { ready, failure } = state;
      if (ready)
        return send({ type: 'set', values: { notice: `The model runs ${where === 'browser' ? 'in this browser' : 'on the server'}.` } });
      // A browser that cannot run the model goes back to where it ran.
      if (where === 'browser') await move(client, 'server', send);
      send({ type: 'failed', message: failure ?? 'The model cannot be loaded here.', token: false });
    },
    connect: () => connect(client, send),
  };
}

/** The texts to write: one, or two that differ in seed or model. */
function plan(state: State, action: Action): Partial<Record<Side, Run>> {
  const { settings, placed, compare, models } = state;
  const { text } = docOf(state);
  const run = (model: State['models'][number] | undefined, seed: number): Run => ({
    status: 'running',
    model: model?.id ?? '',
    frames: [],
    request: requestOf({ text, action, settings, placed, model, seed }),
  });
  const model = modelOf(state);
  const seed = settings.seed ?? freshSeed();
  if (compare === null) return { a: run(model, seed) };
  const other = models.find(({ id }) => id === compare.model) ?? model;
  // Two models get the same seed, so that the model alone makes the difference.
  return { a: run(model, seed), b: run(other, compare.seed ?? (other === model ? (seed + 1) % 2 ** 32 : seed)) };
}

interface Reporting {
  readonly signal: AbortSignal;
  readonly send: Session['send'];
  readonly fail: (error: unknown, signal: AbortSignal) => void;
}

/** Asks every model how likely the text is, the chosen one first and for each word. */
async function readAll(client: Client, state: State, { signal, send, fail }: Reporting): Promise<void> {
  const { text } = docOf(state);
  const chosen = modelOf(state);
  if (!chosen) return;
  const scores: { model: string; score: Awaited<ReturnType<Client['score']>> }[] = [];
  const order = [chosen, ...state.models.filter((model) => model !== chosen)];
  try {
    send({ type: 'reading', reading: { text, scores: [], busy: true } });
    for (const { id } of order) {
      const score = await client.score({ model: id, text, words: id === chosen.id }, { signal });
      if (signal.aborted) return;
      scores.push({ model: id, score });
      send({ type: 'reading', reading: { text, scores: [...scores], busy: scores.length < order.length } });
    }
    send({ type: 'set', values: { notice: 'The figures are there.' } });
  } catch (error) {
    fail(error, signal);
  }
}

/** Goes over to a place and waits for its models; a failure is an event. */
async function move(client: Client, where: Client['where'], send: Session['send']): Promise<void> {
  try {
    await client.use?.(where);
  } catch (error) {
    return send({ type: 'failed', message: String(error), token: false });
  }
  await connect(client, send);
}

async function connect(client: Client, send: Session['send']): Promise<void> {
  for (;;) {
    try {
      const { ready, models, local } = await client.models();
      send({ type: 'models', models, ready, ...(local !== undefined && { local }) });
      if (ready) return;
    } catch (error) {
      const { message, code } = error instanceof ClientError ? error : { message: String(error), code: null };
      return send({ type: 'failed', message, token: code === 'invalid_api_key' });
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}
