import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineSetting } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { listCheckpoints } from './checkpoint.js';

/** `run.json` in the run folder: the state of the run, and what computed its latest steps. */
export interface RunRecord extends EngineSetting {
  format_version: 1;
  state: 'training' | 'finished';
  step: number;
  steps: number;
  seconds: number;
  updated: string;
}

const recordPath = (folder: string): string => join(folder, 'run.json');

const hasShape = (record: Partial<RunRecord> | null): record is RunRecord =>
  typeof record === 'object' &&
  ['training', 'finished'].includes(record?.state ?? '') &&
  Number.isInteger(record?.step) &&
  Number.isInteger(record?.steps);

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
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw refused(`mdiff cannot read the record of this run (${code ?? message})`, 'make it readable and run the command again');
  }
  let record: Partial<RunRecord> | null = null;
  try {
    record = JSON.parse(text) as typeof record;
  } catch {
    // The same as JSON of another shape.
  }
  if (!hasShape(record))
    throw refused('the record of this run is damaged', 'delete this file and add --resume to go on from the newest checkpoint');
  return record;
}

/** Writes `run.json` whole. */
export const writeRecord = (folder: string, record: Omit<RunRecord, 'format_version' | 'updated'>): Promise<void> => {
  const { state, step, steps, seconds, ...setting } = record;
  const complete: RunRecord = {
    format_version: 1,
    state,
    step,
    steps,
    seconds: Math.round(seconds),
    updated: new Date().toISOString(),
    ...setting,
  };
  return writeFileWhole(recordPath(folder), `${JSON.stringify(complete, null, 2)}\n`);
};

/** The run that a folder holds: its record, or the newest checkpoint of a run whose record was deleted. */
export type EarlierRun = { step: number; record?: RunRecord };

/** @throws as `readRecord` does */
export async function findRun(folder: string): Promise<EarlierRun | undefined> {
  const record = await readRecord(folder);
  if (record) return { step: record.step, record };
  const step = (await listCheckpoints(join(folder, 'checkpoints'))).at(-1);
  return step === undefined ? undefined : { step };
}
