// A session whose graphs another thread runs: a worker thread of Node or a Web Worker.
import { ModelError } from '@mdiff/folder';
import type { Remote } from '@mdiff/workers/browser';
import { remoteFillings, type FillingNews } from './fillings.js';
import type { WriterCalls } from './service.js';
import type { CacheSize, PassListener, Session, Writer } from './session.js';

/** The graphs of a folder as people know them: a path or an address. */
export interface GraphNames {
  readonly graph: string;
  /** undefined where the folder has none */
  readonly causalGraph?: string | undefined;
}

/** Calls `open` and then is a session. Closes the thread and throws {@link ModelError} when the graph cannot be loaded. */
export async function remoteSession<Report>(
  worker: Remote,
  { graph, causalGraph }: GraphNames,
  open: () => Promise<Report>,
): Promise<{ session: Session; report: Report }> {
  let closed = false;
  const call: Remote['call'] = async (...args) => {
    try {
      return await worker.call(...args);
    } catch (error) {
      throw closed ? new ModelError(`${graph}: the model is closed`) : error;
    }
  };
  const listeners = new Set<PassListener>();
  const told: PassListener = (...pass) => {
    for (const listener of listeners) listener(...pass);
  };
  const report = await open().catch(async (error: unknown) => {
    await worker.close();
    throw unusable(graph, error);
  });
  const fillings = remoteFillings({
    begin: (argument) => {
      const begun = call<undefined>('beginFilling', argument);
      return argument.task.sampler === 'causal' ? begun.catch(ofGraph(causalGraph!)) : begun;
    },
    async news() {
      const news = await call<FillingNews>('fillingNews');
      for (const pass of news.passes) told(pass.rows, pass);
      return news;
    },
    end: (argument) => call('endFilling', argument),
  });
  const session: Session = {
    async run(feed) {
      const logits = await call<Float32Array>('run', feed);
      told(feed.batch);
      return logits;
    },
    openFilling: fillings.open,
    ...(causalGraph !== undefined && { openWriter: writers({ call, graph: causalGraph, told }) }),
    onPass: (listener) => void listeners.add(listener),
    async close() {
      closed = true;
      fillings.close(new ModelError(`${graph}: the model is closed`));
      await worker.close();
    },
  };
  return { session, report };
}

function unusable(graph: string, error: unknown): ModelError {
  const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return new ModelError(`${graph}: ONNX Runtime cannot load or run this graph (${reason}); export the model again`);
}

/** Throws a fault of the thread as one of this graph, unless it says what it is. */
const ofGraph =
  (graph: string) =>
  (error: unknown): never => {
    const { code } = error as { code?: unknown };
    throw typeof code === 'string' && code.startsWith('MDIFF_') ? error : unusable(graph, error);
  };

interface WritersArgs {
  readonly call: Remote['call'];
  readonly graph: string;
  readonly told: PassListener;
}

function writers({ call, graph, told }: WritersArgs): (size: CacheSize) => Promise<Writer> {
  let count = 0;
  return async (size) => {
    const writer = count++;
    await call('begin', { ...size, writer } satisfies WriterCalls['begin']).catch(ofGraph(graph));
    return {
      async next(tokens) {
        const logits = await call<Float32Array>('next', { ...tokens, writer } satisfies WriterCalls['next']);
        told(tokens.ids.length / tokens.length);
        return logits;
      },
      keep: (rows) => call('keep', { rows, writer } satisfies WriterCalls['keep']),
      close: () => call('end', { writer } satisfies WriterCalls['end']),
    };
  };
}
