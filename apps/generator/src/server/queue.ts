/** The queue is full; the caller should try again later. */
export class QueueFull extends Error {
  readonly code = 'MDIFF_QUEUE_FULL';
  override readonly name = 'QueueFull';
  constructor(waiting: number) {
    super(`the server is busy: ${waiting} requests are waiting already; try again later`);
  }
}

export interface Queue {
  /** Runs `job` when its turn comes. Rejects with {@link QueueFull} at once, or with the signal's reason as soon as it aborts in line. */
  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** True if a job that comes now would be refused. */
  readonly full: boolean;
  /** Calls the listener whenever a place in line becomes free. */
  onRoom(listener: () => void): void;
  /** Jobs running and waiting. */
  readonly size: number;
  /** Jobs running. */
  readonly running: number;
}

/**
 * `running` jobs at a time, first come first served, and at most `waiting` more in line. Jobs that run share the forward passes of their model, step
 * by step; more of them would not be done sooner, since a pass takes longer the more it holds.
 */
export function createQueue({ running, waiting }: { running: number; waiting: number }): Queue {
  let active = 0;
  const line: (() => void)[] = [];
  const listeners: (() => void)[] = [];
  const tellRoom = (): void => {
    for (const listener of listeners) listener();
  };

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        line.splice(line.indexOf(begin), 1);
        reject(signal.reason as Error);
        tellRoom();
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(begin);
    });
  }

  return {
    get full() {
      return active >= running && line.length >= waiting;
    },
    onRoom: (listener) => void listeners.push(listener),
    get size() {
      return active + line.length;
    },
    get running() {
      return active;
    },
    async run(job, signal) {
      signal.throwIfAborted();
      if (active < running) active++;
      else if (line.length < waiting) await turn(signal);
      else throw new QueueFull(waiting);
      try {
        return await job();
      } finally {
        // The place goes to the next in line, and to nobody who comes at this moment.
        const next = line.shift();
        if (next) next();
        else active--;
        tellRoom();
      }
    },
  };
}
