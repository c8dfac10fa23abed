import { Interrupted } from './failure.js';
import { endBy, onStopSignal } from './signals.js';

interface InterruptOptions {
  /** Called at the first signal. */
  onStop?(): void;
  /** Message of the {@link Interrupted} that replaces any error after the first signal; without it the task's own error passes. */
  stopped?: string;
  /** The task saves its work when it is stopped, so it is stopped, not ended, when nobody reads its output any more. */
  saves?: boolean;
}

const savingTasks = new Set<() => void>();

/**
 * Runs `task` with a signal that the first SIGINT, SIGTERM or SIGHUP aborts (reason: {@link Interrupted}). The second ends the process at
 * once, as it would have without a handler.
 */
export async function interruptible<T>(
  task: (signal: AbortSignal) => Promise<T>,
  { onStop, stopped, saves = false }: InterruptOptions = {},
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) return;
    onStop?.();
    controller.abort(new Interrupted(stopped ?? 'interrupted'));
  };
  const stopListening = onStopSignal((signal) => {
    if (controller.signal.aborted) endBy(signal);
    stop();
  });
  if (saves) savingTasks.add(stop);
  try {
    return await task(controller.signal);
  } catch (error) {
    throw stopped !== undefined && controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    savingTasks.delete(stop);
    stopListening();
  }
}

/** Stops the tasks that save their work. @returns false if none runs */
export function stopSavingTasks(): boolean {
  for (const stop of savingTasks) stop();
  return savingTasks.size > 0;
}
