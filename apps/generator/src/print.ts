let handlesErrors = false;

/** Writes to standard output. If the reader has closed the pipe (`mdiff generate … | head -1`), the process ends quietly. */
export function print(text: string): void {
  if (!handlesErrors) {
    handlesErrors = true;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
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
