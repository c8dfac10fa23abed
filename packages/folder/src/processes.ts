import { readdir, rm } from 'node:fs/promises';
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
 * Removes what interrupted writes left in `folder` (`NAME.tmp-PID`, `NAME.old-PID`), unless the process with that number runs.
 * Call it before this process writes there: containers reuse process numbers, so a file with our own number is an earlier process's.
 */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const pid = Number(/\.(?:tmp|old)-(\d+)$/.exec(name)?.[1] ?? NaN);
    if (pid === process.pid || (!Number.isNaN(pid) && !isAlive(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}
