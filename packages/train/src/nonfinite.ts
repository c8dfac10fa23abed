import { join } from 'node:path';
import { MdiffError } from '@mdiff/folder';
import { listCheckpoints, setAside } from './checkpoint.js';

// The course of a run when a loss, a gradient or a figure stops being finite.

/** `training.on_nonfinite: skip` stops after so many skipped steps in a row: the weights have blown up, and no other batch mends them. */
export const MAX_SKIPS = 20;

/** `what` ends a run. Its weights are lost; an earlier checkpoint is not. */
export const nonFinite = (what: string, more = ''): MdiffError =>
  new MdiffError('MDIFF_NONFINITE', `${what}; lower training.learning_rate and run again with --resume${more}`);

/**
 * After a non-finite number: sets aside the checkpoints that hold the weights which gave it, those since `updated`, the step of the last
 * update. So `--resume` goes on from before.
 * @returns the error to show: with the step that `--resume` goes on from, if `error` is one of `nonFinite`
 */
export async function fallBack(folder: string, updated: number, error: unknown): Promise<unknown> {
  if (!(error instanceof MdiffError) || error.code !== 'MDIFF_NONFINITE') return error;
  const checkpoints = join(folder, 'checkpoints');
  try {
    const aside = await setAside(checkpoints, updated);
    const from = (await listCheckpoints(checkpoints)).at(-1) ?? 0;
    const because =
      aside.length === 0
        ? ''
        : `, because the weights of ${aside.join(' and ')} give this: ${aside.length === 1 ? 'it is' : 'they are'} kept, and not used`;
    return new MdiffError(error.code, `${error.message}; --resume goes on from step ${from}${because}`, 1, { cause: error });
  } catch {
    return error; // the first error says more than one of tidying up
  }
}
