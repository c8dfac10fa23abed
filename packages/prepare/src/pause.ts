import { setImmediate } from 'node:timers/promises';

/** Waits a moment when one is due, so that signals arrive during long work of this thread; else undefined, which needs no await. */
export type Pause = () => Promise<void> | undefined;

// Ctrl-C is answered within about this time.
const EVERY_MS = 100;

/** @throws the reason of `signal`, when it was aborted */
export function pauses(signal?: AbortSignal): Pause {
  let last = performance.now();
  return () => {
    if (performance.now() - last < EVERY_MS) return undefined;
    return setImmediate().then(() => {
      last = performance.now();
      signal?.throwIfAborted();
    });
  };
}

/** All items of a generator, with pauses between them. */
export async function collect<T>(items: Iterable<T>, pause: Pause): Promise<T[]> {
  const all: T[] = [];
  for (const item of items) {
    all.push(item);
    const moment = pause();
    if (moment) await moment;
  }
  return all;
}

/** The result of a generator, with pauses at its yields. */
export async function finish<T>(work: Generator<unknown, T>, pause: Pause): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    const moment = pause();
    if (moment) await moment;
  }
}
