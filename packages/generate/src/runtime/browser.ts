// Sessions on ONNX Runtime in a browser.
import { openWebWorker, type WebWorker } from '@mdiff/workers/browser';
import { remoteSession, type GraphNames } from './remote.js';
import type { Session, SessionOptions } from './session.js';
import type { OpenArgs, OrtFiles, PrepareArgs, Runtime } from './webworker.js';

export interface BrowserSessionOptions extends SessionOptions {
  /** auto (the default): the GPU if the browser offers one, else WebAssembly. Only WebAssembly gives the same tokens as Node for a seed. */
  readonly device?: 'auto' | Runtime['device'];
  /** Where the files of ONNX Runtime lie; unless given, where the bundler has put them. */
  readonly ortFiles?: OrtFiles;
  /** Starts the worker whose script is `@mdiff/generate/worker`; unless given, from the file beside this one. */
  readonly startWorker?: () => WebWorker;
}

/** The bytes of the graphs. */
export type Graphs = Pick<OpenArgs, 'graph' | 'causalGraph' | 'vocab'>;

declare const Worker: new (url: URL, options: { type: 'module' }) => WebWorker;
// Bundlers find the script of a worker by this very expression.
const startHere = (): WebWorker => new Worker(new URL('./webworker.js', import.meta.url), { type: 'module' });

/** A Web Worker that loads ONNX Runtime while the page fetches the model. */
export interface Starting {
  /** The graphs move to the worker. Throws {@link ModelError} when a graph cannot be loaded. */
  open(graphs: Graphs, names: GraphNames): Promise<{ session: Session; report: Runtime }>;
  close(): Promise<void>;
}

export function startSession({ startWorker = startHere, device = 'auto', threads, ortFiles }: BrowserSessionOptions = {}): Starting {
  const worker = openWebWorker(startWorker());
  const args: PrepareArgs = { device, ...(threads !== undefined && { threads }), ortFiles };
  // `open` waits for it, and says why it failed.
  worker.call('prepare', args).catch(() => undefined);
  return {
    open(graphs, names) {
      const transfer = [graphs.graph, graphs.causalGraph].flatMap((bytes) => (bytes ? [bytes.buffer as ArrayBuffer] : []));
      return remoteSession(worker, names, () => worker.call<Runtime>('open', { ...args, ...graphs } satisfies OpenArgs, transfer));
    },
    close: () => worker.close(),
  };
}
