/** The queue is full; the caller should try again later. */
export class QueueFull extends Error {
  readonly code = 'MDIFF_QUEUE_FULL';
  override readonly name = 'QueueFull';
}

export interface Queue {
  /** Runs `job` when its turn comes. Rejects with {@link QueueFull} at once, or with the signal's reason as soon as it aborts in line. */
  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Jobs running and waiting. */
  readonly size: number;
}

/** One job at a time, first come first served, at most `waiting` more in line: a model's thread runs one forward pass at a time anyway. */
export function createQueue(waiting: number): Queue {
  let size = 0;
  let tail: Promise<void> = Promise.resolve();
  return {
    get size() {
      return size;
    },
    async run(job, signal) {
      if (size > waiting) throw new QueueFull(`the server is busy: ${waiting} requests are waiting already; try again later`);
      size++;
      const before = tail;
      let done!: () => void;
      tail = new Promise((resolve) => (done = resolve));
      try {
        await untilAborted(before, signal);
        return await job();
      } finally {
        size--;
        // A job that leaves the line early must not let the next one overtake the one that still runs.
        void before.then(done);
      }
    },
  };
}

function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
