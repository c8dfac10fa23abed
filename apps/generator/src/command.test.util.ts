import { reportFailure } from '@mdiff/cli';
import { vi } from 'vitest';
import { program } from './program.js';

/** Runs a command line in this process; `code` is what the shell would see. */
export async function run(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((err += String(text))));
  try {
    await program().parseAsync(args, { from: 'user' });
    return { out, err, code: 0 };
  } catch (error) {
    const code = reportFailure(error);
    return { out, err, code };
  } finally {
    vi.restoreAllMocks();
  }
}
