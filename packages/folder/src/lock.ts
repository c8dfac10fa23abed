import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { MdiffError, writeError } from './errors.js';
import { writeFileWhole } from './files.js';
import { isAlive } from './processes.js';

interface Owner {
  pid: number;
  host: string;
}

export interface LockTexts {
  /** what the owner does, as the refusal names it */
  task?: string;
  /** what the user can do while another process has the folder */
  busy?: string;
  /** what the user can do once the lock was lost */
  lost?: string;
}

/** On this machine the process tells; on another one only the heartbeat of the lock does. */
const mayRun = ({ pid, host }: Owner): boolean => host !== hostname() || isAlive(pid);

const readOwner = (file: string): Promise<Owner | undefined> =>
  readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Owner,
    () => undefined,
  );

/**
 * Takes the lock of a folder, so that two processes never write one run. A lock whose process was killed on this machine is free at
 * once; one left on a shared disk by another machine is free after ten seconds without a heartbeat. Returns the release function.
 */
export async function lockFolder(
  folder: string,
  {
    task = 'training',
    busy = 'wait for it, or choose another name with --set experiment_name=…',
    lost = 'run again with --resume',
  }: LockTexts = {},
): Promise<() => Promise<void>> {
  const lock = join(folder, '.lock');
  const owner = join(folder, '.owner');
  const take = (): Promise<() => Promise<void>> =>
    lockfile.lock(folder, {
      lockfilePath: lock,
      stale: 10_000,
      update: 2_000,
      // A run that lost its lock (the machine slept) must stop rather than mix its files with another's.
      onCompromised: (error) => {
        throw new MdiffError('MDIFF_LOCKED', `${folder}: another process took over the lock of this folder (${error.message}); ${lost}`);
      },
    });
  try {
    await mkdir(folder, { recursive: true });
    let release: () => Promise<void>;
    try {
      release = await take();
    } catch (error) {
      const holder = await readOwner(owner);
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED' || !holder || mayRun(holder)) throw error;
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
      const holder = await readOwner(owner);
      const who = holder === undefined ? '' : ` (pid ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`})`;
      throw new MdiffError('MDIFF_LOCKED', `${folder}: another ${task}${who} is using this folder; ${busy}`);
    }
    throw writeError(folder, error);
  }
}
