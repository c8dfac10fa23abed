import { vi } from 'vitest';
import { program } from './program.js';
import { isUserError } from './report.js';

/** Runs a command line in this process; `code` is what the shell would see. */
export async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((err += String(text))));
  class Exit extends Error {
    constructor(readonly code: number) {
      super(`exit ${code}`);
    }
  }
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Exit(Number(code));
  });
  try {
    await program().parseAsync(args, { from: 'user' });
    return { out, err, code: 0 };
  } catch (error) {
    if (error instanceof Exit) return { out, err, code: error.code };
    if (!isUserError(error)) throw error;
    return { out, err: `${err}${error.message}\n`, code: error.exitCode ?? 1 };
  } finally {
    vi.restoreAllMocks();
  }
}
