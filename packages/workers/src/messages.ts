import type { TransferListItem } from 'node:worker_threads';

// Calls over any channel of messages: one method name, one argument, one result. Nothing here knows Node or a browser.

export type Methods = Record<string, (argument: never, turns: Turns) => unknown>;

export interface Call {
  id: number;
  method: string;
  argument: unknown;
}

export type Reply =
  { id: number; result: unknown } | { id: number; error: { message: string; code?: string; exitCode?: number; stack?: string } };

/** A result whose buffers are to be moved to the caller. */
export class Moved<T> {
  constructor(
    readonly value: T,
    readonly transfer: readonly TransferListItem[],
  ) {}
}

/** A result that is not waited for: the calls behind this one are answered meanwhile. */
export class Later<T> {
  constructor(readonly result: Promise<T>) {}
}

/** Work that a thread does between two calls. */
export interface Turns {
  /** Runs a job behind the calls that wait now, as if it were one of them. Rejects once no other call may begin. Do not wait for it in a call. */
  take<T>(job: () => Promise<T>): Promise<T>;
}

export interface Remote {
  /** Buffers named in `transfer` move instead of being copied. */
  call<T>(method: string, argument?: unknown, transfer?: readonly TransferListItem[]): Promise<T>;
  /** Ends it, and rejects the calls that have no answer. A thread first finishes the call that it is at: native code cannot be interrupted. */
  close(): Promise<void>;
}

/** Calls that wait for their answers. */
interface Calls extends Pick<Remote, 'call'> {
  settle(reply: Reply): void;
  /** ends all that wait, and all that come */
  fail(error: Error): void;
  /** refuses all that come; resolves when none waits */
  drain(): Promise<void>;
}

export const closedError = (): Error => new Error('the worker thread is closed');

/** `onBusy` is called when the first call starts to wait and when none waits any more. */
export function callsOver(
  post: (call: Call, transfer: readonly TransferListItem[]) => void,
  onBusy: (busy: boolean) => void = () => undefined,
): Calls {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let next = 0;
  let ended: Error | undefined;
  let drained = (): void => undefined;
  const remove = (id: number): void => {
    waiting.delete(id);
    if (waiting.size === 0) drained();
  };
  return {
    call: (method, argument, transfer = []) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = next++;
        waiting.set(id, { resolve, reject });
        if (waiting.size === 1) onBusy(true);
        post({ id, method, argument }, transfer);
      }),
    settle: (reply) => {
      const call = waiting.get(reply.id);
      remove(reply.id);
      if (waiting.size === 0) onBusy(false);
      if (!call) return;
      if ('error' in reply) {
        const { message, stack, ...rest } = reply.error;
        call.reject(Object.assign(new Error(message), rest, stack === undefined ? {} : { stack }));
      } else call.resolve(reply.result as never);
    },
    fail: (error) => {
      ended ??= error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      drained();
    },
    drain: () => {
      ended ??= closedError();
      return new Promise((resolve) => {
        if (waiting.size === 0) resolve();
        else drained = resolve;
      });
    },
  };
}

/** Says whether a call may begin, and hears that it has ended. */
interface Gate {
  claim(): boolean;
  release(): void;
}

/** Answers calls one at a time and in order. */
export function answerer(
  methods: Methods,
  post: (reply: Reply, transfer?: readonly TransferListItem[]) => void,
  gate: Gate = { claim: () => true, release: () => undefined },
): (call: Call) => void {
  let queue: Promise<unknown> = Promise.resolve();
  const take: Turns['take'] = (job) => {
    const done = queue.then(async () => {
      try {
        if (!gate.claim()) throw closedError();
        return await job();
      } finally {
        gate.release();
      }
    });
    queue = done.catch(() => undefined);
    return done;
  };
  return ({ id, method, argument }) => {
    const send = (result: unknown): void =>
      result instanceof Moved ? post({ id, result: result.value }, result.transfer) : post({ id, result });
    const refuse = (error: unknown): void => {
      const { message, stack, code, exitCode } = error as Error & { code?: string; exitCode?: number };
      post({ id, error: { message, ...(stack && { stack }), ...(code && { code }), ...(exitCode && { exitCode }) } });
    };
    take(async () => {
      const result = await methods[method]!(argument as never, { take });
      if (result instanceof Later) result.result.then(send).catch(refuse);
      else send(result);
    }).catch(refuse);
  };
}
