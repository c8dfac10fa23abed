// Calls into a Web Worker, for packages that also run in a browser.
import { mustBe } from '@mdiff/arguments';
import { answerer, callsOver } from './messages.js';
import type { Call, Methods, Remote, Reply } from './messages.js';

export { Later, Moved } from './messages.js';
export type { Remote, Turns } from './messages.js';

/** What is needed of a `Worker`, whose type only the DOM library has. */
export interface WebWorker {
  postMessage(message: unknown, transfer: readonly object[]): void;
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: { data?: unknown; message?: string }) => void): void;
  terminate(): void;
}

/** What is needed of the global object inside a Web Worker. */
export interface WebWorkerScope {
  postMessage(message: unknown, transfer?: readonly object[]): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

/** Calls into a worker whose script calls {@link serveWebWorker}. */
export function openWebWorker(worker: WebWorker): Remote {
  mustBe('openWebWorker', 'worker', worker, 'object');
  const { call, settle, fail, drain } = callsOver((message, transfer) => worker.postMessage(message, transfer as readonly object[]));
  worker.addEventListener('message', ({ data }) => settle(data as Reply));
  // An error without a message: the script of the worker did not load, and the browser does not say why.
  worker.addEventListener('error', ({ message }) => fail(new Error(message || 'the script of the worker did not load')));
  worker.addEventListener('messageerror', () => fail(new Error('a message of the worker could not be read')));
  let closing: Promise<void> | undefined;
  return { call, close: () => (closing ??= drain().then(() => worker.terminate())) };
}

/** Answers calls inside a Web Worker, one at a time and in order. */
export function serveWebWorker(methods: Methods, scope = globalThis as unknown as WebWorkerScope): void {
  mustBe('serveWebWorker', 'methods', methods, 'object');
  mustBe('serveWebWorker', 'scope', scope, 'object');
  const answer = answerer(methods, (reply, transfer = []) => scope.postMessage(reply, transfer as readonly object[]));
  scope.addEventListener('message', ({ data }) => answer(data as Call));
}
