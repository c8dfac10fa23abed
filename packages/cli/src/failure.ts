// How a command fails: one line for what the user can act on, the stack for a fault of mdiff, and the exit code.
import { CommanderError } from 'commander';

/** A mistake in the command line. */
export class UsageError extends Error {
  readonly code = 'MDIFF_USAGE';
  readonly exitCode: number;
  override readonly name = 'UsageError';
  constructor(message: string, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The user stopped the command. The exit code is the shell's for Ctrl-C: 128 + the number of SIGINT. */
export class Interrupted extends Error {
  readonly code = 'MDIFF_INTERRUPTED';
  readonly exitCode = 130;
  override readonly name = 'Interrupted';
}

/** True for an error that the user can act on: its message is enough, without a stack. Every such error has a code that begins with `MDIFF_`. */
export function isUserError(error: unknown): error is Error & { exitCode?: number } {
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith('MDIFF_');
}

/** 0 after `--help`; 2 for usage and configuration; 130 after an interrupt; 1 for anything else. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return isUserError(error) ? (error.exitCode ?? 1) : 1;
}

/** Prints why a command failed and returns its exit code. Commander has printed its own errors. An error without a message has printed its own, too. */
export function reportFailure(error: unknown, write: (text: string) => void = (text) => void process.stderr.write(text)): number {
  if (isUserError(error)) {
    if (error.message !== '') write(`${error.message}\n`);
  } else if (!(error instanceof CommanderError)) {
    write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  return exitCodeOf(error);
}

/** An error outside every call, such as a lock that another process took over, ends the process as one of a command does: with one line. */
export function guardFailures(): void {
  process.on('uncaughtException', (error) => process.exit(reportFailure(error)));
}
