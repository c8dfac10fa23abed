import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, places } from '@mdiff/folder';
import { makeFolder } from '@mdiff/folder/node';
import { listCheckpoints } from './checkpoint.js';

// `--fresh` keeps the earlier run until the new one has something to lose: it moves the files of the earlier run into a folder inside the run folder,
// under the same lock, and removes them after the first checkpoint. A kill at any moment leaves one of the two runs whole: whoever comes next looks
// for a checkpoint of the new run, and puts the earlier run back if there is none.

const ASIDE = 'earlier-run';

/** The folder that holds the earlier run while the new one starts. */
export const asideOf = (folder: string): string => join(folder, ASIDE);

/** The entries of a run folder; those of the lock begin with a dot. */
async function entriesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => !name.startsWith('.') && name !== ASIDE);
}

/** Moves the checkpoints first or last: their place tells which of the two runs is the whole one. */
async function move(from: string, to: string, checkpoints: 'first' | 'last'): Promise<void> {
  const names = (await entriesOf(from)).filter((name) => name !== 'checkpoints' && name !== 'run.json');
  const order = checkpoints === 'first' ? ['checkpoints', ...names, 'run.json'] : ['run.json', ...names, 'checkpoints'];
  const present = new Set(await entriesOf(from));
  for (const name of order.filter((entry) => present.has(entry))) {
    await rm(join(to, name), { recursive: true, force: true });
    await rename(join(from, name), join(to, name));
  }
}

const hasTrained = async (folder: string): Promise<boolean> =>
  (await listCheckpoints(join(folder, 'checkpoints'))).some((step) => step > 0);

/** True if a start with `--fresh` was cut short here. */
export const hasAside = async (folder: string): Promise<boolean> => (await readdir(folder).catch(() => [] as string[])).includes(ASIDE);

/** Moves what the folder holds aside. @returns false if it holds nothing */
export async function putAside(folder: string): Promise<boolean> {
  if ((await entriesOf(folder)).length === 0) return false;
  try {
    makeFolder(asideOf(folder));
    await move(folder, asideOf(folder), 'first');
  } catch (error) {
    throw diskError(asideOf(folder), error, { task: 'write', place: places.output });
  }
  return true;
}

/** Removes the earlier run, if there is one aside. */
export const dropAside = (folder: string): Promise<void> => rm(asideOf(folder), { recursive: true, force: true });

/** Puts the earlier run back if the new one has no checkpoint yet, else removes it. @returns whether it is back */
export async function settleAside(folder: string): Promise<boolean> {
  if (!(await hasAside(folder))) return false;
  const back = !(await hasTrained(folder));
  if (back) await move(asideOf(folder), folder, 'last');
  await dropAside(folder);
  return back;
}
