/** A mistake in the command line. */
export class UsageError extends Error {
  readonly code = 'MDIFF_USAGE';
  readonly exitCode = 2;
  override readonly name = 'UsageError';
}

interface UserError extends Error {
  code?: unknown;
  exitCode?: number;
}

/** True for a mistake of the user: its message is enough, without a stack. */
export function isUserError(error: unknown): error is UserError {
  return error instanceof Error && String((error as UserError).code).startsWith('MDIFF_');
}

/** Prints why a command failed and sets its exit code: one line for a mistake of the user, the stack for a fault of mdiff. */
export function report(error: unknown): void {
  if (isUserError(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode ?? 1;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
