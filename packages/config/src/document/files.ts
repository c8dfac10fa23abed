import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { env as processEnv, pid } from 'node:process';
import { describeFault, diskError, expandHome, places } from '@mdiff/folder';

// The only module of this package that touches the machine; `nofiles.ts` stands in for it in a browser.

/** The fault that the system reports, if the name alone does not show it: nothing there, or a folder. */
function reason(error: unknown): string {
  if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
  return ` (${describeFault(error, { task: 'read', place: places.file })?.split('; ')[0] ?? String(error)})`;
}

/** Reads at most 1 MiB and one byte of UTF-8, so that a huge file is refused and not loaded. */
export function readText(path: string, cwd = '.'): { text: string } | { problem: string } {
  let file: number;
  try {
    file = openSync(resolve(cwd, path), 'r');
  } catch (error) {
    return { problem: `a readable file${reason(error)}` };
  }
  try {
    const buffer = Buffer.alloc(1024 * 1024 + 1);
    let length = 0;
    for (;;) {
      const got = readSync(file, buffer, length, buffer.length - length, null);
      length += got;
      if (got === 0 || length === buffer.length) break;
    }
    // The limit may cut a character in two. Such a text is refused for its size, not as wrong UTF-8.
    if (length === buffer.length) return { text: ' '.repeat(length) };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (error) {
    return { problem: error instanceof TypeError ? 'UTF-8 text' : `a readable file${reason(error)}` };
  } finally {
    closeSync(file);
  }
}

export const fileExists = (path: string, cwd = '.'): boolean => existsSync(resolve(cwd, path));

/** Writes beside the target and renames, so that a full disk leaves the old file whole. */
export function writeText(path: string, text: string): void {
  const temporary = `${path}.${pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // The first error says more.
    }
    throw diskError(path, error, { task: 'write', place: places.file });
  }
}

export const environment = (): Record<string, string | undefined> => processEnv;

/** A path with `~/` expanded. */
export const atHome = (path: string): string => expandHome(path, homedir());
