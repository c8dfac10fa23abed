import { mustBe } from '@mdiff/arguments';
import { existsSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { diskError } from './disk.js';
import type { Place } from './disk.js';
import { MdiffError } from './errors.js';
import { makeFolder, writeFileWhole } from './files.js';
import { isStale, lastBeat, takeLock } from './heartbeat.js';
import { isAlive, sweep } from './processes.js';

interface Owner {
  pid: number;
  host: string;
}

interface LockTexts {
  /** the ways on when the folder cannot be made or written */
  place: Place;
  /** what the owner does, as the refusal names it */
  task?: string;
  /** what the user can do while another process has the folder */
  busy?: string;
  /** what the user can do once the lock was lost */
  lost?: string;
  /** called once another process has taken over the lock; without it the error ends this process */
  onLost?(error: MdiffError): void;
}

/** On this machine the process tells; on another one only the heartbeat of the lock does. */
const mayRun = ({ pid, host }: Owner): boolean => host !== hostname() || isAlive(pid);

/** @returns undefined where nobody can tell: there is no such file, or it is damaged */
async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, 'utf8')) as Partial<Owner> | null;
    return typeof owner?.pid === 'number' && typeof owner.host === 'string' ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** True while a process holds the lock of a folder. */
export async function isLocked(folder: string): Promise<boolean> {
  mustBe('isLocked', 'folder', folder, 'string');
  const beat = await lastBeat(join(folder, '.lock')).catch(() => undefined);
  if (beat === undefined || isStale(beat)) return false;
  const holder = await readOwner(join(folder, '.owner'));
  return holder === undefined || mayRun(holder);
}

/**
 * Takes the lock of a folder, so that two processes never write one run. A lock whose process was killed on this machine is free at
 * once; one left on a shared disk by another machine is free after ten seconds without a heartbeat. Removes what interrupted writes left.
 * @returns the release function, which never fails: a failure to release would hide the error that ended the task
 */
export async function lockFolder(folder: string, options: LockTexts): Promise<() => Promise<void>> {
  mustBe('lockFolder', 'folder', folder, 'string');
  mustBe('lockFolder', 'options', options, 'object');
  const {
    place,
    task = 'training',
    busy = 'wait for it, or choose another name with --set experiment_name=…',
    lost = 'run again with --resume',
    onLost = (error) => {
      throw error;
    },
  } = options;
  const lock = join(folder, '.lock');
  const owner = join(folder, '.owner');
  const isNew = !existsSync(folder);
  let isLost = false;
  try {
    makeFolder(folder);
    const release = await takeLock(lock, {
      // Of a process of this machine the system tells whether it runs.
      holder: {
        isDead: async () => {
          const holder = await readOwner(owner);
          return holder !== undefined && !mayRun(holder);
        },
        forget: () => rm(owner, { force: true }),
      },
      // A run that lost its lock (the machine slept) must stop rather than mix its files with another's.
      onLost: (reason) => {
        isLost = true;
        onLost(new MdiffError('MDIFF_LOCKED', `${folder}: another process took over the lock of this folder (${reason}); ${lost}`));
      },
    });
    if (release === undefined) {
      const holder = await readOwner(owner);
      const who = holder === undefined ? '' : ` (pid ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`})`;
      throw new MdiffError('MDIFF_LOCKED', `${folder}: another ${task}${who} is using this folder; ${busy}`);
    }
    await sweep(folder);
    await writeFileWhole(owner, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner), place);
    return async () => {
      if (isLost) return; // what lies there is the other process's
      await rm(owner, { force: true }).catch(() => undefined);
      await release().catch(() => undefined);
      // A task that wrote nothing, such as a run of a text that is not there, leaves no folder behind; a folder with files stays.
      if (isNew) await rmdir(folder).catch(() => undefined);
    };
  } catch (error) {
    if (error instanceof MdiffError) throw error;
    throw diskError(folder, error, { task: 'write', place });
  }
}
