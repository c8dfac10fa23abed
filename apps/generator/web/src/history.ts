// Undo and redo of any value.

/** Time in ms within which changes of one kind are one step: a word typed is undone as a word. */
const TOGETHER = 1_000;
const MOST = 200;

export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
  /** of the last change */
  readonly last?: { readonly kind: string; readonly time: number };
}

export const historyOf = <T>(present: T): History<T> => ({ past: [], present, future: [] });

/** Changes of kind `typing` that follow one another closely become one step; every other change is a step of its own. */
export function record<T>(history: History<T>, present: T, { kind, time }: { kind: string; time: number }): History<T> {
  const { past, last } = history;
  const together = kind === 'typing' && last?.kind === kind && time - last.time < TOGETHER && past.length > 0;
  return { past: together ? past : [...past, history.present].slice(-MOST), present, future: [], last: { kind, time } };
}

export function undo<T>(history: History<T>): History<T> {
  const before = history.past.at(-1);
  if (history.past.length === 0) return history;
  return { past: history.past.slice(0, -1), present: before as T, future: [history.present, ...history.future] };
}

export function redo<T>(history: History<T>): History<T> {
  if (history.future.length === 0) return history;
  return { past: [...history.past, history.present], present: history.future[0] as T, future: history.future.slice(1) };
}
