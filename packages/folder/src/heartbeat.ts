import { rmSync } from 'node:fs';
import { mkdir, rm, stat, utimes } from 'node:fs/promises';

// A lock is an empty folder: making one succeeds once, also on network disks. Its holder renews the folder's time; a lock whose time is old was
// left behind by a process that ended, and is free.

/** ms without a heartbeat after which a lock counts as left behind */
const STALE = 10_000;
const BEAT = 2_000;

/** The locks of this process, which go with it. A process that is killed leaves its lock behind. */
const held = new Set<{ lock: string }>();

function removeAll(): void {
  for (const { lock } of held) {
    try {
      rmSync(lock, { recursive: true, force: true });
    } catch {
      // Nothing is left to do: the lock gets old.
    }
  }
}

/** The time of a lock's last heartbeat, in ms; undefined without a lock. */
export const lastBeat = (lock: string): Promise<number | undefined> => stat(lock).then(({ mtimeMs }) => mtimeMs, unlessMissing);

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export const isStale = (beat: number): boolean => Date.now() - beat > STALE;

/** What a lock does not know of its holder. */
export interface Holder {
  /** true if the holder is known to be dead, though its heartbeat is fresh */
  isDead(): Promise<boolean>;
  /** removes what says who the earlier holder was */
  forget(): Promise<void>;
}

/**
 * Takes a lock, also one that was left behind.
 * @param onLost called once if another process has taken the lock over, or if the disk did not answer for so long that one may have
 * @returns the release function; undefined if another process holds the lock
 */
export async function takeLock(
  lock: string,
  { holder, onLost }: { holder: Holder; onLost(reason: string): void },
): Promise<(() => Promise<void>) | undefined> {
  if (await make(lock)) return keep(lock, onLost);
  const isLeft = async (beat: number): Promise<boolean> => isStale(beat) || holder.isDead();
  const found = await lastBeat(lock);
  if (found !== undefined && !(await isLeft(found))) return undefined;
  // Of several processes that want this lock one may look and take; that needs a lock as well.
  const taking = `${lock}.taking`;
  if (!(await make(taking))) {
    const since = await lastBeat(taking);
    if (since !== undefined && !isStale(since)) return undefined;
    await rm(taking, { recursive: true, force: true }); // its process ended just there
    if (!(await make(taking))) return undefined;
  }
  try {
    const beat = await lastBeat(lock);
    if (!(await (beat === undefined ? make(lock) : isLeft(beat)))) return undefined;
    await holder.forget();
    return await keep(lock, onLost);
  } finally {
    await rm(taking, { recursive: true, force: true });
  }
}

const make = (lock: string): Promise<boolean> =>
  mkdir(lock).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );

/** Renews the time of a lock until it is released or lost. A holder that slept finds another time than it left. */
async function keep(lock: string, onLost: (reason: string) => void): Promise<() => Promise<void>> {
  // The time is read back, because file systems keep it with precisions of their own. A random part of a ms tells two processes apart.
  const beat = async (): Promise<number | undefined> => {
    const now = (Date.now() + Math.random()) / 1000;
    await utimes(lock, now, now);
    return lastBeat(lock);
  };
  let last = await beat();
  let reached = Date.now();
  let timer: NodeJS.Timeout | undefined;
  const entry = { lock };
  if (held.size === 0) process.once('exit', removeAll);
  held.add(entry);
  const end = (): void => {
    clearTimeout(timer);
    held.delete(entry);
    if (held.size === 0) process.removeListener('exit', removeAll);
  };
  const renew = async (): Promise<void> => {
    let fault: string | undefined;
    try {
      const found = await lastBeat(lock);
      if (found === undefined) fault = 'the lock was removed';
      else if (found !== last) fault = 'the lock has the time of another process';
      else [last, reached] = [await beat(), Date.now()];
    } catch (error) {
      // A disk may be away for a while; after that time another process may think that this one is dead.
      if (Date.now() - reached > STALE) fault = (error as Error).message;
    }
    if (!held.has(entry)) return; // released meanwhile
    if (fault === undefined) return schedule();
    end();
    onLost(fault);
  };
  const schedule = (): void => {
    timer = setTimeout(() => void renew(), BEAT).unref();
  };
  schedule();
  return async () => {
    end();
    await rm(lock, { recursive: true, force: true });
  };
}
