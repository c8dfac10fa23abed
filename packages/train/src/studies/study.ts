// What a search and a comparison share: the runs, and a record that a later call goes on from.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError, places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import type { Crew } from './crew.js';
import { measuredRun } from './measured.js';
import type { Failed, Measured, StudyRun } from './measured.js';

export interface StudyOptions {
  /** folder of the runs and the record */
  folder: string;
  /** aborting saves the running runs; the same call goes on from there */
  signal: AbortSignal;
  /** one line for each run that begins or ends */
  note(text: string): void;
  /** the other ranks of the study, which train runs too */
  crew?: Crew;
}

/** The record of a study: what it is, and what it has found so far. */
export interface StudyRecord {
  format_version: 1;
  study: unknown;
  results: Record<string, Measured | Failed>;
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
export async function openRecord(path: string, study: unknown): Promise<StudyRecord> {
  const fresh: StudyRecord = { format_version: 1, study: JSON.parse(JSON.stringify(study)) as unknown, results: {} };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return fresh;
  }
  let record: StudyRecord;
  try {
    record = JSON.parse(text) as StudyRecord;
  } catch {
    throw new MdiffError('MDIFF_DAMAGED', `${path}: this record is damaged; delete it to start over, or name another folder with --out`, 2);
  }
  if (record.format_version === 1 && same(record.study, fresh.study)) return record;
  throw new MdiffError('MDIFF_EXISTS', `${path}: this folder holds another study; name another folder with --out, or delete it`, 2);
}

const saveRecord = (path: string, record: StudyRecord): Promise<void> =>
  writeFileWhole(path, `${JSON.stringify(record, null, 1)}\n`, places.output);

/** A study in its folder. */
export interface OpenStudy {
  config: ProjectConfig;
  path: string;
  record: StudyRecord;
}

/** A process that trains runs. */
interface Place {
  /** " on rank 2"; empty for this process */
  suffix: string;
  train(run: StudyRun): Promise<Measured | Failed | undefined>;
}

/** Puts the results of `runs` in their order, after those of other runs: whoever ended first, the record is the same. */
function inOrder(results: StudyRecord['results'], runs: readonly StudyRun[]): typeof results {
  const places = new Map(runs.map(({ name }, i) => [name, i]));
  return Object.fromEntries(Object.entries(results).sort(([a], [b]) => (places.get(a) ?? -1) - (places.get(b) ?? -1)));
}

/**
 * Trains the runs that the record lacks, and records them. This process and each other rank take the next run as soon as they are free, because runs
 * differ in length and machines in speed; a run does not depend on who trains it. @returns false if it was interrupted
 */
export async function trainAll({ config, path, record }: OpenStudy, runs: readonly StudyRun[], options: StudyOptions): Promise<boolean> {
  const { crew, folder, note } = options;
  const waiting = runs.filter(({ name }) => !(name in record.results));
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort(options.signal.reason);
    crew?.stop();
  };
  if (options.signal.aborted) stop();
  options.signal.addEventListener('abort', stop);
  const { signal } = stopping;
  const threads = crew && { threads: crew.threads };
  const here: Place = { suffix: '', train: (run) => measuredRun(config, run, { folder, signal, ...threads }) };
  const others = (crew?.members ?? []).map(({ rank, train }): Place => ({ suffix: ` on rank ${rank}`, train }));
  let saved = Promise.resolve();
  const work = async ({ suffix, train }: Place): Promise<void> => {
    for (let run = waiting[0]; run !== undefined && !signal.aborted; run = waiting[0]) {
      waiting.shift();
      note(`training: ${run.name}${suffix}`);
      const result = await train(run);
      if (!result) return stop();
      record.results = inOrder({ ...record.results, [run.name]: result }, runs);
      await (saved = saved.then(() => saveRecord(path, record)));
      note(`${run.name}: ${'failed' in result ? result.failed : `${result.bits_per_byte.toFixed(3)} bits/byte`}`);
    }
  };
  // A fault anywhere stops all, after they have saved.
  const guarded = [here, ...others].map((place) =>
    work(place).catch((error: unknown) => {
      stop();
      throw error;
    }),
  );
  const ends = await Promise.allSettled(guarded);
  options.signal.removeEventListener('abort', stop);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return runs.every(({ name }) => name in record.results);
}

export const recordPath = (folder: string, kind: 'tune' | 'compare'): string => join(folder, `${kind}.json`);
