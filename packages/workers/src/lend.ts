import { mustBe } from '@mdiff/arguments';
import { startWorker } from './calls.js';
import type { WorkerOptions } from './calls.js';
import { closedError } from './messages.js';
import type { Remote } from './messages.js';

// Threads that are used again. A new thread loads its modules and runs them uncompiled at first; one that has already done its work does neither.

/** One free thread for each module, and how long it waits, ms. It keeps no process alive. */
const free = new Map<string, { worker: Remote; timer: NodeJS.Timeout }>();
const WAIT = 30_000;

function take(key: string): Remote | undefined {
  const one = free.get(key);
  if (!one) return undefined;
  free.delete(key);
  clearTimeout(one.timer);
  return one.worker;
}

/**
 * A thread as from `startWorker`, which may have worked before. The module needs a method `end`, which frees what the caller made there and returns
 * true if the thread is then as good as new. `close` gives the thread back, and ends it if a call failed or has no answer yet.
 */
export function borrowWorker(entry: URL, options: Omit<WorkerOptions, 'keepAlive' | 'onEnd'> = {}): Remote {
  mustBe('borrowWorker', 'entry', entry, 'object');
  mustBe('borrowWorker', 'options', options, 'object');
  const key = JSON.stringify([entry.href, options]);
  const worker: Remote =
    take(key) ?? startWorker(entry, { ...options, keepAlive: false, onEnd: () => void (free.get(key)?.worker === worker && take(key)) });
  let waiting = 0;
  let clean = true;
  let closing: Promise<void> | undefined;
  const giveBack = async (): Promise<void> => {
    clean &&= waiting === 0 && !free.has(key) && (await worker.call<boolean>('end').catch(() => false));
    if (!clean || free.has(key)) return worker.close();
    free.set(key, { worker, timer: setTimeout(() => void take(key)?.close(), WAIT).unref() });
  };
  return {
    call: async (...args) => {
      if (closing && clean) throw closedError();
      waiting++;
      try {
        return await worker.call(...args);
      } catch (error) {
        clean = false;
        throw error;
      } finally {
        waiting--;
      }
    },
    close: () => (closing ??= giveBack()),
  };
}
