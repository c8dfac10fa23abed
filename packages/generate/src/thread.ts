import { Worker } from 'node:worker_threads';
import { ModelError } from '@mdiff/folder';
import type { Feed, Session, SessionOptions } from './session.js';
import type { Reply, Request, Start } from './worker.js';

/** A session in its own thread, so that the caller's event loop stays free. Throws {@link ModelError} when the graph cannot be loaded. */
export async function threadSession(graph: string, options: SessionOptions = {}): Promise<Session> {
  // Read when the native library loads, hence set on the main thread: a worker's environment is a copy that native code does not see.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const worker = startWorker({ graph, ...options });
  const waiting = new Map<number, { resolve(data: Float32Array): void; reject(error: Error): void }>();
  let last = 0;
  let ended: Error | null = null;

  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (reply: Reply) => {
      if ('ready' in reply) return resolve();
      const caller = waiting.get(reply.id);
      waiting.delete(reply.id);
      // An idle model must not keep the process alive.
      if (waiting.size === 0) worker.unref();
      if ('data' in reply) caller?.resolve(reply.data);
      else caller?.reject(new Error(reply.error));
    });
    worker.on('error', (error: unknown) => {
      const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
      const failure = new ModelError(`${graph}: ONNX Runtime cannot load or run this graph (${reason}); export the model again`);
      fail(failure);
      reject(failure);
    });
    worker.on('exit', () => {
      fail(new ModelError(`${graph}: the model is closed`));
      reject(ended!);
    });
  });
  worker.unref();

  return {
    run(feed: Feed) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, feed } satisfies Request);
      });
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** Starts `worker`, from `dist/` or straight from TypeScript: a worker thread does not inherit the tsx loader in Node 20. */
function startWorker(workerData: Start): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const entry = new URL('./worker.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  const source = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(source, { eval: true, workerData });
}
