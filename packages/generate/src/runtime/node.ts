// Sessions on ONNX Runtime for Node.
import type { ModelFolder } from '@mdiff/folder/node';
import { startWorker } from '@mdiff/workers';
import { remoteSession } from './remote.js';
import type { Session, SessionOptions } from './session.js';
import type { OpenArgs } from './worker.js';

/** A session in its own thread, so that the caller's event loop stays free. Throws {@link ModelError} when a graph cannot be loaded. */
export async function nodeSession(
  { graph, causalGraph, blockGraph, config, tokenizer }: Pick<ModelFolder, 'graph' | 'causalGraph' | 'blockGraph' | 'config' | 'tokenizer'>,
  options: SessionOptions & Pick<OpenArgs, 'cache'> = {},
): Promise<Session> {
  // The native library reads it as it loads, so it is set on the main thread: native code does not see a worker's copy of the environment.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = startWorker(entry, { keepAlive: false });
  const { session } = await remoteSession(worker, { graph, causalGraph }, () =>
    worker.call('open', { graph, causalGraph, blockGraph, vocab: config.vocab_size, tokenizer, ...options } satisfies OpenArgs),
  );
  return { ...session, unitsOf: (args) => worker.call('units', args) };
}
