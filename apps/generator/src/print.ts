let watched = false;

/** Writes to standard output. When nobody reads any more, as in `mdiff generate … | head -1`, the process ends quietly. */
export function print(text: string): void {
  if (!watched) {
    watched = true;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  process.stdout.write(text);
}

/** A line that replaces itself while work goes on, on a terminal only: elsewhere there is no line to replace. */
export function progressLine(): { show(text: string): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show: (text) => void process.stderr.write(`\r\x1b[2K${text}`),
    clear: () => void process.stderr.write('\r\x1b[2K'),
  };
}
