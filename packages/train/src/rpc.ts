import { Worker, parentPort } from 'node:worker_threads';
import type { TransferListItem } from 'node:worker_threads';

// Calls into a worker thread: one method name, one argument, one result. Buffers named in `transfer` move instead of being copied.

export type Methods = Record<string, (argument: never) => unknown>;

interface Call {
  id: number;
  method: string;
  argument: unknown;
}

type Reply = { id: number; result: unknown } | { id: number; error: { message: string; code?: string; exitCode?: number; stack?: string } };

/** A result whose buffers are to be moved to the caller. */
export class Moved<T> {
  constructor(
    readonly value: T,
    readonly transfer: readonly TransferListItem[],
  ) {}
}

export interface Remote {
  call<T>(method: string, argument?: unknown, transfer?: readonly TransferListItem[]): Promise<T>;
  close(): Promise<void>;
}

// A script given as text resolves names from the current directory, so the loader is named by its place.
const loader = (): string => import.meta.resolve('tsx/esm/api');

/**
 * Starts a worker on a module of this package. From TypeScript source the worker needs the tsx loader, which worker threads
 * do not inherit in Node 20.
 */
export function startWorker(entry: URL, options: { env?: Record<string, string> } = {}): Remote {
  const env = { ...process.env, ...options.env };
  const worker = entry.pathname.endsWith('.ts')
    ? new Worker(`import(${JSON.stringify(loader())}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`, {
        eval: true,
        env,
        execArgv: ['--conditions=@mdiff/source'],
      })
    : new Worker(entry, { env });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let next = 0;
  let ended: Error | undefined;
  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (!call) return;
    if ('error' in reply) {
      const { message, stack, ...rest } = reply.error;
      call.reject(Object.assign(new Error(message), rest, stack === undefined ? {} : { stack }));
    } else call.resolve(reply.result as never);
  });
  worker.on('error', (error) => fail(error as Error));
  worker.on('exit', (code) => fail(new Error(`the engine's worker thread ended (exit code ${code})`)));
  return {
    call: (method, argument, transfer = []) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, method, argument } satisfies Call, transfer as TransferListItem[]);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** Answers calls inside a worker, one at a time and in order. */
export function serveWorker(methods: Methods): void {
  const port = parentPort!;
  let queue = Promise.resolve();
  port.on('message', ({ id, method, argument }: Call) => {
    queue = queue.then(async () => {
      try {
        const answer = await methods[method]!(argument as never);
        if (answer instanceof Moved) port.postMessage({ id, result: answer.value }, answer.transfer as TransferListItem[]);
        else port.postMessage({ id, result: answer });
      } catch (error) {
        const { message, stack, code, exitCode } = error as Error & { code?: string; exitCode?: number };
        port.postMessage({ id, error: { message, ...(stack && { stack }), ...(code && { code }), ...(exitCode && { exitCode }) } });
      }
    });
  });
}
