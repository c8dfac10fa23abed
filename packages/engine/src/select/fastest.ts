import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '@mdiff/config';
import { places } from '@mdiff/folder';
import { sha256, writeFileWhole } from '@mdiff/folder/node';
import { readEngineRecord } from '../tensorflow/kernels.js';
import { processor } from './processor.js';
import { ortVersion } from './gpu.js';
import type { EngineSetting } from '../devices.js';
import type { StepTime, StepTrial } from './trial.js';

// Selects the fastest of several settings by a trial on this machine: a few training steps of this network, in a process of its own. The speed of
// matrix products alone would not decide it, because an engine with the same products may have the faster step.

/** A setting of this machine and the result of its trial. */
export interface Timed {
  setting: EngineSetting;
  time: StepTime;
}

/** Takes the training steps of a trial. */
export type MeasureStep = (trial: StepTrial) => Promise<StepTime>;

/** bfloat16 is less exact, so it must save at least this share of the best float32 time. */
const WORTH = 0.03;

/** The record keeps the results of so many trials. */
const KEPT = 64;

/** The layers of a network are alike, so two of them show which setting is faster. */
const LAYERS = 2;

/** The network of a trial: its matrix products have the sizes of those of `model`. */
export const trialModel = (model: ModelConfig): ModelConfig => ({ ...model, n_layers: Math.min(model.n_layers, LAYERS) });

/** A hash of everything that decides the result of a trial, besides other work on the machine. */
function keyOf({ setting, model, tensorflow }: StepTrial): string {
  const { name, threads, flags } = processor();
  const library = tensorflow && [tensorflow.folder, tensorflow.version, readEngineRecord(tensorflow.folder)?.kernels?.source];
  return sha256(JSON.stringify([setting, model, name, threads, flags, process.version, ortVersion(), library ?? null]));
}

/** The results of earlier trials in `cacheDir`, by the hash of what decides them; the newest last. */
type Kept = Record<string, StepTime>;

const recordFile = (cacheDir: string): string => join(cacheDir, 'engine-trials.json');

const isTime = (value: unknown): value is StepTime =>
  typeof value === 'object' && value !== null && 'ms' in value && typeof value.ms === 'number';

function readKept(cacheDir: string): Kept {
  try {
    const record: unknown = JSON.parse(readFileSync(recordFile(cacheDir), 'utf8'));
    return Object.fromEntries(Object.entries(record as Kept).filter(([, time]) => isTime(time)));
  } catch {
    return {}; // nothing was tried, or a damaged file
  }
}

async function keep(cacheDir: string, kept: Kept): Promise<void> {
  const newest = Object.fromEntries(Object.entries(kept).slice(-KEPT));
  try {
    await writeFileWhole(recordFile(cacheDir), `${JSON.stringify(newest, null, 1)}\n`, places.cache);
  } catch {
    // tried again next time
  }
}

/**
 * The results of the trials of several settings: those that `cacheDir` holds, and with `measure` the others too.
 * @returns undefined if some setting has no result
 */
export async function timesOf(
  trials: readonly StepTrial[],
  { cacheDir, measure }: { cacheDir: string; measure?: MeasureStep | undefined },
): Promise<Timed[] | undefined> {
  const kept = readKept(cacheDir);
  const keys = trials.map(keyOf);
  const missing = keys.some((key) => kept[key] === undefined);
  if (missing && !measure) return undefined;
  if (missing && measure) {
    // All of them anew: times of different days, beside different work, do not compare.
    for (const [i, trial] of trials.entries()) kept[keys[i]!] = await measure(trial);
    // An engine that does not work is mended and tried again.
    if (keys.every((key) => 'ms' in kept[key]!)) await keep(cacheDir, kept);
  }
  return trials.map(({ setting }, i) => ({ setting, time: kept[keys[i]!]! }));
}

/**
 * The fastest setting; of equal ones the first. An installed engine that does not work at all is not passed over: its first setting is taken, so that
 * the run says what is wrong with it and how to mend it.
 */
export function fastest(times: readonly Timed[]): EngineSetting {
  const broken = times.find(({ setting: { engine } }) => times.every(({ setting, time }) => setting.engine !== engine || 'reason' in time));
  if (broken) return broken.setting;
  const ms = ({ setting, time }: Timed): number => ('ms' in time ? time.ms / (setting.precision === 'bfloat16' ? 1 - WORTH : 1) : Infinity);
  return times.reduce((first, next) => (ms(first) <= ms(next) ? first : next)).setting;
}

/** Removes the results of all trials, so that the next run or `mdiff engine doctor` measures again. */
export const forgetTrials = (cacheDir: string): void => rmSync(recordFile(cacheDir), { force: true });
