import { mkdir } from 'node:fs/promises';
import lockfile from 'proper-lockfile';
import { TrainError, writeError } from './errors.js';

/**
 * Takes the lock of a run folder, so that two processes never write one run. A lock left by a killed process counts as free
 * after ten seconds without a heartbeat. Returns the release function.
 */
export async function lockRun(folder: string): Promise<() => Promise<void>> {
  try {
    await mkdir(folder, { recursive: true });
    return await lockfile.lock(folder, {
      lockfilePath: `${folder}/.lock`,
      stale: 10_000,
      update: 2_000,
      // A run that lost its lock (a laptop slept) stops writing rather than mixing with another.
      onCompromised: (error) => {
        throw new TrainError('MDIFF_LOCKED', `${folder}: the lock of this run was taken over (${error.message}); run again with --resume`);
      },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') {
      throw new TrainError(
        'MDIFF_LOCKED',
        `${folder}: expected no other training in this folder, got a running one; wait for it, or choose another name with --set experiment_name=…` +
          ' (a killed run frees its folder after 10 seconds)',
      );
    }
    throw writeError(folder, error);
  }
}
