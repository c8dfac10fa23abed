import { mustBe } from '@mdiff/arguments';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Tells whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it runs, for another user
  }
}

/**
 * Removes what interrupted writes left in `folder` (`NAME.tmp-PID`, `NAME.old-PID`), unless the process with that number runs. A folder that
 * was moved aside, and whose replacement never came, goes back to its place.
 * Call it before this process writes there: containers reuse process numbers, so a file with our own number is an earlier process's.
 * In a folder that one process may write to from several places, such as a cache, `ours` says that such a file is being written.
 */
export async function sweep(folder: string, options: { ours?: boolean } = {}): Promise<void> {
  mustBe('sweep', 'folder', folder, 'string');
  mustBe('sweep', 'options', options, 'object');
  const { ours = false } = options;
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names) {
    const [, target, kind, number] = /^(.*)\.(tmp|old)-(\d+)$/.exec(name) ?? [];
    if (target === undefined) continue;
    const pid = Number(number);
    if (pid === process.pid ? ours : isAlive(pid)) continue;
    const path = join(folder, name);
    if (kind === 'old' && !names.includes(target)) await rename(path, join(folder, target));
    else await rm(path, { recursive: true, force: true });
  }
}
