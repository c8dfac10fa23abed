// Sessions on ONNX Runtime for Node.
import { ModelError } from '@mdiff/folder';
import { startWorker, type Remote } from '@mdiff/workers';
import type { CacheSize, Session, SessionOptions, Writer } from './session.js';
import type { FillingCalls, OpenArgs, WriterCalls } from './worker.js';

/** Paths of the graphs of a folder. */
export interface Graphs {
  readonly graph: string;
  readonly causalGraph?: string;
}

/** A session in its own thread, so that the caller's event loop stays free. Throws {@link ModelError} when a graph cannot be loaded. */
export async function nodeSession({ graph, causalGraph }: Graphs, options: SessionOptions = {}): Promise<Session> {
  // The native library reads it as it loads, so it is set on the main thread: native code does not see a worker's copy of the environment.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = startWorker(entry, { keepAlive: false });
  let closed = false;
  const call: Remote['call'] = async (...args) => {
    try {
      return await worker.call(...args);
    } catch (error) {
      throw closed ? new ModelError(`${graph}: the model is closed`) : error;
    }
  };
  await worker.call('open', { graph, ...options } satisfies OpenArgs).catch(async (error: unknown) => {
    await worker.close();
    throw unusable(graph, error);
  });
  return {
    run: (feed) => call('run', feed),
    openFilling: fillings(call),
    ...(causalGraph !== undefined && { openWriter: writers(call, causalGraph) }),
    async close() {
      closed = true;
      await worker.close();
    },
  };
}

function unusable(graph: string, error: unknown): ModelError {
  const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return new ModelError(`${graph}: ONNX Runtime cannot load or run this graph (${reason}); export the model again`);
}

function writers(call: Remote['call'], graph: string): (size: CacheSize) => Promise<Writer> {
  let count = 0;
  return async (size) => {
    const writer = count++;
    await call('begin', { ...size, writer, graph } satisfies WriterCalls['begin']).catch((error: unknown) => {
      throw error instanceof ModelError ? error : unusable(graph, error);
    });
    return {
      next: (tokens) => call('next', { ...tokens, writer } satisfies WriterCalls['next']),
      keep: (rows) => call('keep', { rows, writer } satisfies WriterCalls['keep']),
      close: () => call('end', { writer } satisfies WriterCalls['end']),
    };
  };
}

function fillings(call: Remote['call']): NonNullable<Session['openFilling']> {
  let count = 0;
  return async (task) => {
    const filling = count++;
    await call('beginFilling', { filling, task } satisfies FillingCalls['beginFilling']);
    return {
      step: () => call('stepFilling', { filling } satisfies FillingCalls['stepFilling']),
      close: () => call('endFilling', { filling } satisfies FillingCalls['endFilling']),
    };
  };
}
