// The time that an engine's start-up takes, by phase. It is counted for each thread, and a thread holds one engine.

/** `lower` turns a graph into a file, `library` loads native code, `load` hands it the file. */
export type Phase = 'trace' | 'optimize' | 'lower' | 'library' | 'load';

export type Phases = Record<Phase, number>;

const spent: Phases = { trace: 0, optimize: 0, lower: 0, library: 0, load: 0 };

/** Runs `work` and counts its time. Calls do not nest. */
export function timed<T>(phase: Phase, work: () => T): T {
  const begun = performance.now();
  const done = (): void => void (spent[phase] += performance.now() - begun);
  const result = work();
  if (result instanceof Promise) return result.finally(done) as T;
  done();
  return result;
}

/** Milliseconds so far in this thread, by phase. */
export const phases = (): Phases => ({ ...spent });
