// The time that an engine's start-up takes, by phase. It is counted for each thread, which holds one engine at a time.

/** `lower` turns a graph into a file, `library` loads native code, `load` hands it the file. */
export type Phase = 'trace' | 'optimize' | 'lower' | 'library' | 'load';

export type Phases = Record<Phase, number>;

const none: Phases = { trace: 0, optimize: 0, lower: 0, library: 0, load: 0 };
const spent = { ...none };

/** Runs `work` and counts its time. Calls do not nest. */
export function timed<T>(phase: Phase, work: () => T): T {
  const begun = performance.now();
  const done = (): void => void (spent[phase] += performance.now() - begun);
  const result = work();
  if (result instanceof Promise) return result.finally(done) as T;
  done();
  return result;
}

/** Counts from zero, for another engine. */
export const resetPhases = (): void => void Object.assign(spent, none);

/** Milliseconds so far for the engine of this thread, by phase. */
export const phases = (): Phases => ({ ...spent });
