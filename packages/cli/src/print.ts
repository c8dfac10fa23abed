import { stopSavingTasks } from './interrupt.js';

// EPIPE: the reader has closed the pipe. EIO: the terminal is gone.
const isClosed = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'EPIPE' || error.code === 'EIO' || error.code === 'ERR_STREAM_DESTROYED';

let guarded = false;

/**
 * From now on a reader that has seen enough (`mdiff config print | head -1`) is no error. When standard output closes, a task that saves its
 * work is stopped as by Ctrl-C, and any other command ends with 0. When standard error closes, the command goes on without it.
 */
export function guardOutput(): void {
  if (guarded) return;
  guarded = true;
  let stopped = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isClosed(error)) throw error;
    // A task that has been stopped still writes its last lines, to nobody.
    if (!stopped && !stopSavingTasks()) process.exit(0);
    stopped = true;
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (!isClosed(error)) throw error;
  });
}

/** Writes to standard output, which its reader may close. */
export function print(text: string): void {
  guardOutput();
  process.stdout.write(text);
}

/** A progress line on standard error that overwrites itself; silent unless standard error is a terminal. */
export function progressLine(): { show(text: string): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show: (text) => void process.stderr.write(`\r\x1b[2K${text}`),
    clear: () => void process.stderr.write('\r\x1b[2K'),
  };
}
