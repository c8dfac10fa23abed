import { mustBe } from '@mdiff/arguments';
import { startWorker } from './calls.js';
import type { Remote } from './messages.js';

// Worker threads that take tasks from one queue. The result of a task does not depend on the thread that runs it.

export interface Pool {
  /** `first`: before every waiting task that is not first itself */
  run<T>(method: string, argument: unknown, options?: { first?: boolean }): Promise<T>;
  /** Waits for the tasks that threads have; rejects the others with `reason`. */
  close(reason?: Error): Promise<void>;
}

interface Task {
  method: string;
  argument: unknown;
  resolve(result: never): void;
  reject(error: unknown): void;
}

// A worker gets its next task before it has finished one, so that it need not wait for a busy main thread.
const IN_HAND = 2;

/** Starts threads when there are tasks, at most `size`. The module at `entry` needs a method `end`, which frees its resources. */
export function openPool(entry: URL, size: number): Pool {
  mustBe('openPool', 'entry', entry, 'object');
  mustBe('openPool', 'size', size, 'number');
  const workers: { remote: Remote; tasks: number }[] = [];
  const running = new Set<Promise<void>>();
  const queues: [first: Task[], then: Task[]] = [[], []];
  let closed: Error | undefined;

  const feed = (): void => {
    for (let queue = queues.find(({ length }) => length > 0); queue; queue = queues.find(({ length }) => length > 0)) {
      let free = workers.find(({ tasks }) => tasks === 0);
      if (!free && workers.length < size)
        workers.push((free = { remote: startWorker(entry, { env: { ORT_DISABLE_TELEMETRY: '1' } }), tasks: 0 }));
      free ??= workers.find(({ tasks }) => tasks < IN_HAND);
      if (!free) return;
      const worker = free;
      const task = queue.shift()!;
      worker.tasks++;
      const done = worker.remote
        .call<never>(task.method, task.argument)
        .then(task.resolve, task.reject)
        .finally(() => {
          worker.tasks--;
          running.delete(done);
          feed();
        });
      running.add(done);
    }
  };

  return {
    run: (method, argument, { first = false } = {}) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(closed);
        queues[first ? 0 : 1].push({ method, argument, resolve, reject });
        feed();
      }),
    close: async (reason = Object.assign(new Error('the worker threads are closed'), { code: 'MDIFF_CLOSED' })) => {
      if (closed) return;
      closed = reason;
      for (const queue of queues) for (const { reject } of queue.splice(0)) reject(reason);
      // Ending a thread in the middle of native code may end the process.
      await Promise.all(running);
      await Promise.all(
        workers.map(async ({ remote }) => {
          await remote.call('end').catch(() => undefined);
          await remote.close();
        }),
      );
    },
  };
}
