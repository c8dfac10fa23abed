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
 * Runs `task` with a signal that the first SIGINT, SIGTERM or SIGHUP aborts (reason: {@link Interrupted}). A second SIGINT or SIGTERM ends the process
 * at once, as it would have without a handler. SIGHUP never does, and a lost output is no signal: a terminal that is closed sends SIGHUP twice, once
 * by the system and once by the shell, and Ctrl-C in a pipe can arrive after the pipe has broken.
 */
export async function interruptible<T>(
  task: (signal: AbortSignal) => Promise<T>,
  { onStop, stopped, saves = false }: InterruptOptions = {},
): Promise<T> {
  const controller = new AbortController();
  let interrupts = 0;
  const stop = (): void => {
    if (controller.signal.aborted) return;
    onStop?.();
    controller.abort(new Interrupted(stopped ?? 'interrupted'));
  };
  const stopListening = onStopSignal((signal) => {
    const insists = signal !== 'SIGHUP' && interrupts++ > 0;
    if (insists) endBy(signal);
    else stop();
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

/** Lets every signal to stop pass: another process is told too, and decides. @returns what ends that */
export const ignoreStops = (): (() => void) => onStopSignal(() => undefined);

/** Stops the tasks that save their work. @returns false if none runs */
export function stopSavingTasks(): boolean {
  for (const stop of savingTasks) stop();
  return savingTasks.size > 0;
}
