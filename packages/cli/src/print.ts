import { describeFault, places } from '@mdiff/folder';
import { stopSavingTasks } from './interrupt.js';

/** The reader has closed the pipe, or the terminal is gone (EIO). */
const isClosed = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'].includes(code) || (code === 'EIO' && process.stdout.isTTY);

let guarded = false;
let isLog = false;

/** Standard output only tells how the work of this command goes on: to lose it never ends that work. */
export function outputIsLog(): void {
  isLog = true;
}

/**
 * From now on a stream that cannot be written never ends work that is not output.
 *
 * - A reader of standard output that has gone (`mdiff config print | head -1`) stops a task that saves its work, as Ctrl-C does. Any other
 *   command ends with its exit code so far.
 * - A full disk behind standard output fails a command whose result it is, with one line. A command that only logs there says so once and
 *   goes on.
 * - Without standard error every command goes on.
 */
export function guardOutput(): void {
  if (guarded) return;
  guarded = true;
  let told = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isClosed(error)) {
      // A task that has been stopped still writes its last lines, to nobody.
      if (!stopSavingTasks() && !isLog) process.exit();
      return;
    }
    if (told) return;
    told = true;
    const [fault, remedy] = (describeFault(error, { task: 'write', place: places.file }) ?? error.message).split('; ');
    process.stderr.write(`cannot write to standard output: ${fault}; ${isLog ? 'mdiff goes on without it' : remedy}\n`);
    if (!isLog) process.exit(1);
  });
  process.stderr.on('error', () => undefined);
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
