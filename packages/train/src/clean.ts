import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { places } from '@mdiff/folder';
import { lockFolder } from '@mdiff/folder/node';
import { sizeOf } from './overview.js';
import type { RunOverview } from './overview.js';

/** Files of a run that nothing needs any more. */
export interface Leftover {
  path: string;
  bytes: number;
}

/** The checkpoints of a finished run whose model is exported: only more steps would need them. Undefined for any other run. */
export async function leftoverOf({ folder, run, model }: RunOverview): Promise<Leftover | undefined> {
  if (run.record?.state !== 'finished' || model === undefined) return undefined;
  const path = join(folder, 'checkpoints');
  const bytes = await sizeOf(path);
  return bytes === 0 ? undefined : { path, bytes };
}

/** Removes the leftover of a run, under the run's lock. @throws MdiffError MDIFF_LOCKED while a process trains in the folder */
export async function removeLeftover({ folder }: RunOverview, { path }: Leftover): Promise<void> {
  const release = await lockFolder(folder, { place: places.run, busy: 'wait for it' });
  try {
    await rm(path, { recursive: true, force: true });
  } finally {
    await release();
  }
}
