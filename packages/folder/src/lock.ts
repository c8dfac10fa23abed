import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { MdiffError, writeError } from './errors.js';
import { writeFileWhole } from './files.js';

interface Owner {
  pid: number;
  host: string;
}

function alive({ pid, host }: Owner): boolean {
  if (host !== hostname()) return true; // cannot be known; the heartbeat decides
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Takes the lock of a run folder, so that two processes never write one run. A lock whose process was killed on this machine is free at
 * once; one left on a shared disk by another machine is free after ten seconds without a heartbeat. Returns the release function.
 */
export async function lockRun(folder: string): Promise<() => Promise<void>> {
  const lock = join(folder, '.lock');
  const owner = join(folder, '.owner');
  const take = (): Promise<() => Promise<void>> =>
    lockfile.lock(folder, {
      lockfilePath: lock,
      stale: 10_000,
      update: 2_000,
      // A run that lost its lock (the machine slept) must stop rather than mix its files with another's.
      onCompromised: (error) => {
        throw new MdiffError('MDIFF_LOCKED', `${folder}: the lock of this run was taken over (${error.message}); run again with --resume`);
      },
    });
  try {
    await mkdir(folder, { recursive: true });
    let release: () => Promise<void>;
    try {
      release = await take();
    } catch (error) {
      const known = await readFile(owner, 'utf8').then((text) => JSON.parse(text) as Owner, () => undefined);
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED' || !known || alive(known)) throw error;
      await rm(lock, { recursive: true, force: true });
      release = await take();
    }
    await writeFileWhole(owner, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner));
    return async () => {
      await rm(owner, { force: true });
      await release();
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') {
      throw new MdiffError(
        'MDIFF_LOCKED',
        `${folder}: expected no other training in this folder, got a running one; wait for it, or choose another name with --set experiment_name=…`,
      );
    }
    throw writeError(folder, error);
  }
}
