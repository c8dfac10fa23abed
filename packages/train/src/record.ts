import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineSetting } from '@mdiff/engine';
import { MdiffError, diskError, places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import type { TextFingerprint } from '@mdiff/prepare';
import { checkpointFolder, listCheckpoints } from './checkpoint.js';
import type { BaseRecord } from './checkpoint.js';
import type { TimeSpent } from './timespent.js';

const FORMAT_VERSION = 2;

/** The stages of a run with their steps. A resumed run whose steps were measured takes them from here. */
export interface RecordedPlan {
  steps: number;
  stages: { name: string; steps: number }[];
  /** the steps were measured to fit in `training.max_minutes` */
  measured?: { minutes: number; tokens_per_s: number };
}

/** The text, tokenizer, plan and configuration of a run: they tell whether a command resumes this run or means another one. */
export interface Fingerprint {
  text: TextFingerprint;
  tokenizer: { size: number; sha256: string };
  plan: RecordedPlan;
  seed: number;
  /** ranks that the run began with, if it was more than one: their batches make a step */
  ranks?: number;
  /** the values of every key, as `config.resolved.yaml` gives them */
  config: Record<string, unknown>;
  /** the values that the user gave and the run adapted, by key: a vocabulary that the text did not fill, a batch that was split */
  adapted?: Record<string, unknown>;
}

/** `run.json` in the run folder: the state of the run, its fingerprint, and what computed its latest steps. */
export interface RunRecord extends EngineSetting, Partial<Fingerprint> {
  /** 1: written by a release that kept no fingerprint */
  format_version: 1 | typeof FORMAT_VERSION;
  state: 'training' | 'finished';
  /** steps that ran */
  step: number;
  /** steps of the plan */
  steps: number;
  /** steps of the plan that early stopping left out */
  left_out?: number;
  /** the model that the run started from */
  base?: BaseRecord;
  /** seconds of training and evaluation, over all sessions */
  seconds: number;
  /** where the time went */
  spent?: TimeSpent;
  updated: string;
}

const recordPath = (folder: string): string => join(folder, 'run.json');

function isRecord(value: unknown): value is RunRecord {
  const { state, step, steps } = (value ?? {}) as Partial<RunRecord>;
  return ['training', 'finished'].includes(state ?? '') && Number.isInteger(step) && Number.isInteger(steps);
}

/**
 * The record of the run in `folder`; undefined only where there is no such file.
 * @throws MdiffError MDIFF_DAMAGED for a file that cannot be read or is not a record
 */
async function readRecord(folder: string): Promise<RunRecord | undefined> {
  const path = recordPath(folder);
  const refused = (problem: string, remedy: string): MdiffError =>
    new MdiffError(
      'MDIFF_DAMAGED',
      `${path}: ${problem}; nothing was changed; ${remedy}, or add --fresh to start over, which deletes the run's checkpoints`,
    );
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // There can be no folder of that name.
    if (['ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(code)) throw diskError(folder, error, { task: 'write', place: places.output });
    throw refused(`mdiff cannot read the record of this run (${code || message})`, 'make it readable and run the command again');
  }
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    // The same as JSON of another shape.
  }
  if (!isRecord(record))
    throw refused('the record of this run is damaged', 'delete this file and add --resume to go on from the newest checkpoint');
  if (record.format_version > FORMAT_VERSION)
    throw refused(`a newer mdiff wrote this record (format ${record.format_version})`, 'update mdiff and run the command again');
  return record;
}

/** To milliseconds. */
const rounded = (spent: TimeSpent): TimeSpent =>
  Object.fromEntries(
    Object.entries(spent).map(([part, seconds]) => [part, Number((seconds as number).toFixed(3))]),
  ) as unknown as TimeSpent;

/** Writes `run.json` whole. */
export const writeRecord = (folder: string, record: Omit<RunRecord, 'format_version' | 'updated'>): Promise<void> => {
  const { state, step, steps, left_out, seconds, spent, base, text, tokenizer, plan, seed, ranks, config, adapted, ...setting } = record;
  const complete: RunRecord = {
    format_version: FORMAT_VERSION,
    state,
    step,
    steps,
    ...(left_out && { left_out }),
    seconds: Math.round(seconds),
    ...(spent && { spent: rounded(spent) }),
    updated: new Date().toISOString(),
    ...setting,
    ...(base && { base }),
    ...(text && { text }),
    ...(tokenizer && { tokenizer }),
    ...(plan && { plan }),
    ...(seed !== undefined && { seed }),
    ...(ranks !== undefined && { ranks }),
    ...(adapted && { adapted }),
    ...(config && { config }),
  };
  return writeFileWhole(recordPath(folder), `${JSON.stringify(complete, null, 2)}\n`, places.run);
};

/** The run that a folder holds: its record, or the newest checkpoint of a run whose record was deleted. */
export interface EarlierRun {
  step: number;
  record?: RunRecord;
  /** absent for a run of a release that kept none */
  fingerprint?: Fingerprint;
}

const isFingerprint = (value: Partial<Fingerprint>): value is Fingerprint =>
  value.text !== undefined && value.tokenizer !== undefined && value.plan !== undefined && value.config !== undefined;

/** @throws as `readRecord` does */
export async function findRun(folder: string): Promise<EarlierRun | undefined> {
  const record = await readRecord(folder);
  if (record) return { step: record.step, record, ...(isFingerprint(record) && { fingerprint: record }) };
  const checkpoints = join(folder, 'checkpoints');
  const step = (await listCheckpoints(checkpoints)).at(-1);
  if (step === undefined) return undefined;
  const fingerprint = await readFingerprint(checkpointFolder(checkpoints, step));
  return { step, ...(fingerprint && { fingerprint }) };
}

/** The fingerprint in a checkpoint; undefined if it is of a release that kept none, or damaged, which its manifest tells to whoever loads it. */
async function readFingerprint(checkpoint: string): Promise<Fingerprint | undefined> {
  try {
    const value = JSON.parse(await readFile(join(checkpoint, 'fingerprint.json'), 'utf8')) as Partial<Fingerprint>;
    return isFingerprint(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
