// What a search and a comparison share: ordinary runs, each in a folder of its own, and a record that a later call goes on from.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError, places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { findRun } from '../record.js';
import { silent } from '../reporter.js';
import { train } from '../run.js';
import { runFolder } from '../runs.js';

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

export interface StudyOptions {
  /** aborting saves the running run; the same call goes on from there */
  signal: AbortSignal;
  /** one line for each run that begins or ends */
  note(text: string): void;
}

/** Trains a run, or goes on with it. @returns undefined if it was interrupted */
async function measuredRun(config: ProjectConfig, { signal }: StudyOptions): Promise<Measured | Failed | undefined> {
  const run = config.experiment_name;
  try {
    const earlier = await findRun(runFolder(config));
    // A run that finished just before its figures were recorded is trained again: the folder does not hold the figures of the units.
    const mode = earlier === undefined ? 'new' : earlier.record?.state === 'finished' ? 'fresh' : 'resume';
    const result = await train(config, { mode, reporter: silent, signal, warn: () => undefined });
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
    return { run, steps, tokens, ...figures, bytes: heldOut.bytes, per_unit: perUnit };
  } catch (error) {
    if (signal.aborted) return undefined;
    const { code, message } = error as Error & { code?: string };
    // A loss that is not finite is a result of the search; everything else is a fault of the call.
    if (code !== 'MDIFF_NONFINITE') throw error;
    return { run, failed: message };
  }
}

/** The record of a study: what it is, and what it has found so far. */
export interface StudyRecord<Result> {
  format_version: 1;
  study: unknown;
  results: Record<string, Result>;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The settings of a study that decide its results. Places, engines and what is printed do not. */
export const identityOf = (config: ProjectConfig): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(valuesByKey(config)).filter(
      ([key]) => !/^(output_dir|cache_dir|experiment_name|log_format|reports|hardware\.)/.test(key),
    ),
  );

/** The record in a folder. @throws MdiffError for one of another study, or a damaged one */
export async function openRecord<Result>(path: string, study: unknown): Promise<StudyRecord<Result>> {
  const fresh: StudyRecord<Result> = { format_version: 1, study: JSON.parse(JSON.stringify(study)) as unknown, results: {} };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return fresh;
  }
  let record: StudyRecord<Result>;
  try {
    record = JSON.parse(text) as StudyRecord<Result>;
  } catch {
    throw new MdiffError('MDIFF_DAMAGED', `${path}: this record is damaged; delete it to start over, or name another folder with --out`, 2);
  }
  if (record.format_version === 1 && same(record.study, fresh.study)) return record;
  throw new MdiffError('MDIFF_EXISTS', `${path}: this folder holds another study; name another folder with --out, or delete it`, 2);
}

const saveRecord = (path: string, record: StudyRecord<unknown>): Promise<void> =>
  writeFileWhole(path, `${JSON.stringify(record, null, 1)}\n`, places.run);

/** Runs what the record does not have yet, and records it. @returns the figures, or undefined if the run was interrupted */
export async function once(
  { path, record, config }: { path: string; record: StudyRecord<Measured | Failed>; config: ProjectConfig },
  options: StudyOptions,
): Promise<Measured | Failed | undefined> {
  const { experiment_name: name } = config;
  const before = record.results[name];
  if (before) return before;
  if (options.signal.aborted) return undefined;
  options.note(`training: ${name}`);
  const result = await measuredRun(config, options);
  if (!result) return undefined;
  record.results[name] = result;
  await saveRecord(path, record);
  options.note(`${name}: ${'failed' in result ? result.failed : `${result.bits_per_byte.toFixed(3)} bits/byte`}`);
  return result;
}

export const recordPath = (folder: string, kind: 'tune' | 'compare'): string => join(folder, `${kind}.json`);
