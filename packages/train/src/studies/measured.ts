// The runs of a study: ordinary ones, each in a folder of its own, and their figures.
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { findRun } from '../record.js';
import { silent } from '../reporter.js';
import { train } from '../run.js';
import { runFolder } from '../runs.js';

/** A run that is to be trained: the configuration of the study, with these changes. */
export interface StudyRun {
  /** its folder in that of the study */
  name: string;
  changes: readonly ProjectInput[];
}

/** The figures of one run. */
export interface Measured {
  /** run folder, relative to the folder of the study */
  run: string;
  steps: number;
  tokens: number;
  /** `nelbo`, or `next_token` for a run of next-token prediction alone */
  by: 'nelbo' | 'next_token';
  bits_per_byte: number;
  /** bytes of the held-out text, and nats of each of its units */
  bytes: number;
  per_unit: number[];
}

/** A run that came to nothing, and why. */
export interface Failed {
  run: string;
  failed: string;
}

export interface Training {
  /** folder of the study */
  folder: string;
  /** aborting saves the run; the same call goes on from there */
  signal: AbortSignal;
  /** threads where the configuration leaves them open: the ranks of a machine share its processors */
  threads?: number;
}

/** Trains a run, or goes on with it. @returns undefined if it was interrupted */
export async function measuredRun(
  study: ProjectConfig,
  { name, changes }: StudyRun,
  { folder, signal, threads }: Training,
): Promise<Measured | Failed | undefined> {
  const config = changes.reduce((changed, one) => changed.with(one), study).with({ experiment_name: name, output_dir: folder });
  try {
    const earlier = await findRun(runFolder(config));
    // A run that finished just before its figures were recorded is trained again: the folder does not hold the figures of the units.
    const mode = earlier === undefined ? 'new' : earlier.record?.state === 'finished' ? 'fresh' : 'resume';
    const options = { mode, reporter: silent, signal, warn: () => undefined, ...(threads !== undefined && { threads }) } as const;
    const result = await train(config, options);
    if (!result.finished) return undefined;
    const { perUnit, heldOut, nelbo, causalBitsPerByte, tokens = 0, step: steps } = result;
    if (!perUnit || !heldOut)
      throw new MdiffError(
        'MDIFF_STUDY',
        'training.val_split: nothing is held out, so there is no figure to compare by; set it above 0',
        2,
      );
    const figures = nelbo
      ? ({ by: 'nelbo', bits_per_byte: nelbo.bitsPerByte } as const)
      : ({ by: 'next_token', bits_per_byte: causalBitsPerByte! } as const);
    return { run: name, steps, tokens, ...figures, bytes: heldOut.bytes, per_unit: perUnit };
  } catch (error) {
    if (signal.aborted) return undefined;
    const { code, message } = error as Error & { code?: string };
    // A loss that is not finite is a result of the search; everything else is a fault of the call.
    if (code !== 'MDIFF_NONFINITE') throw error;
    return { run: name, failed: message };
  }
}
