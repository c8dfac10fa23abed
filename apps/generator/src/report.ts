/** A mistake in how a command was called. */
export class UsageError extends Error {
  readonly code = 'MDIFF_USAGE';
  readonly exitCode = 2;
  override readonly name = 'UsageError';
}

interface Known extends Error {
  code?: unknown;
  exitCode?: number;
}

/** Whether this is a mistake of the user's, whose message says all there is to say. */
export function isKnown(error: unknown): error is Known {
  return error instanceof Error && String((error as Known).code).startsWith('MDIFF_');
}

/** Ends a command: one line for a known mistake, the whole story for a fault of ours. */
export function report(error: unknown): void {
  if (isKnown(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode ?? 1;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
