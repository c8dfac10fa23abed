// Sessions on ONNX Runtime for Node.
import { ModelError } from '@mdiff/folder';
import { startWorker } from '@mdiff/workers';
import type { Session, SessionOptions } from './session.js';
import type { OpenArgs } from './worker.js';

/** A session in its own thread, so that the caller's event loop stays free. Throws {@link ModelError} when the graph cannot be loaded. */
export async function nodeSession(graph: string, options: SessionOptions = {}): Promise<Session> {
  // The native library reads it as it loads, so it is set on the main thread: native code does not see a worker's copy of the environment.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = startWorker(entry, { keepAlive: false });
  let closed = false;
  try {
    await worker.call('open', { graph, ...options } satisfies OpenArgs);
  } catch (error) {
    await worker.close();
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    throw new ModelError(`${graph}: ONNX Runtime cannot load or run this graph (${reason}); export the model again`);
  }
  return {
    async run(feed) {
      try {
        return await worker.call<Float32Array>('run', feed);
      } catch (error) {
        throw closed ? new ModelError(`${graph}: the model is closed`) : error;
      }
    },
    async close() {
      closed = true;
      await worker.close();
    },
  };
}
