import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ParamLayout } from '@mdiff/model';
import { MdiffError, diskError, places } from '@mdiff/folder';
import { readFolderWhole, sweep, writeFolderWhole } from '@mdiff/folder/node';
import { readSafetensors, writeSafetensors } from '@mdiff/folder';
import type { NamedTensor } from '@mdiff/folder';
import type { TrainState } from '@mdiff/engine';
import type { MetricLine } from './metrics.js';
import type { Patience } from './patience.js';
import type { TimeSpent } from './timespent.js';

// A checkpoint is a folder `step-00000200/` of checksummed files. Batches, masks and dropout are functions of (seed, step), so
// no state of a random generator needs saving.

/** Sums of the training loss since the last metric line. */
export interface LossWindow {
  loss: number;
  updates: number;
  skipped: number;
  /** the causal steps of a mixed objective, which the other sums leave out */
  causal?: { loss: number; updates: number };
}

/** The model that a run started from, as the run records it. */
export interface BaseRecord {
  /** the value of `model.init_from` */
  name: string;
  /** of its weights' file */
  sha256: string;
  /** the first table of its card */
  card: Record<string, string>;
}

/** The state of the loop beside the weights. */
export interface Progress {
  /** the position in the plan: steps done, and those that early stopping left out */
  step: number;
  /** steps of the plan that early stopping left out so far */
  left_out?: number;
  /** updates since Adam was last reset (bias correction) */
  adam_step: number;
  seed: number;
  /** the model's settings: a run with others cannot resume from here */
  model: Record<string, unknown>;
  /** sums since the last metric line, so that a resumed run writes the same lines */
  window: LossWindow;
  /** read so far, padding not counted */
  tokens?: number;
  /** steps skipped in a row, up to the last one */
  skips?: number;
  /** seconds of training so far, over all runs */
  seconds: number;
  /** where the time went; absent in a run of a release that did not count it */
  spent?: TimeSpent;
  /** the model that the run started from */
  base?: BaseRecord;
  /** the step at which the learning rate decays in the plan of this run */
  decay_start?: number;
  best?: { step: number; nelbo: number };
  patience?: Patience;
  /** the metric line of the last step, whose evaluation was due and interrupted: a resumed run begins with it */
  unevaluated?: MetricLine;
}

export interface Checkpoint {
  progress: Progress;
  state: TrainState;
  files: Record<string, Buffer>;
}

/** The checkpoint of a step in the folder of checkpoints. */
export const checkpointFolder = (folder: string, step: number): string => join(folder, `step-${String(step).padStart(8, '0')}`);

export const tensorsOf = (flat: Float32Array, layout: ParamLayout): NamedTensor[] =>
  layout.params.map(({ name, shape, offset, size }) => ({ name, shape, data: flat.subarray(offset, offset + size) }));

/** Every product with 0 is 0, except those of NaN and of the infinities. */
export function isFiniteArray(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}

export const isFiniteState = ({ params, m, v, ema }: TrainState): boolean => [params, m, v, ...(ema ? [ema] : [])].every(isFiniteArray);

function flatten(file: Buffer, layout: ParamLayout, path: string): Float32Array {
  const { tensors } = readSafetensors(file);
  const flat = new Float32Array(layout.total);
  for (const { name, size, offset } of layout.params) {
    const tensor = tensors.get(name);
    if (tensor?.data.length !== size)
      throw new MdiffError('MDIFF_DAMAGED', `${path}: expected ${size} numbers for "${name}", got ${tensor?.data.length ?? 'nothing'}`);
    flat.set(tensor.data, offset);
  }
  if (!isFiniteArray(flat)) throw new MdiffError('MDIFF_DAMAGED', `${path}: the numbers in it are not finite: the run had blown up`);
  return flat;
}

/** Steps of the checkpoints in `folder`, ascending. */
export async function listCheckpoints(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    // A folder that cannot be read is not an empty one: a new run would begin over its checkpoints.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw diskError(folder, error, { task: 'read', place: places.run });
  });
  return names.flatMap((name) => (/^step-\d{8}$/.test(name) ? [Number(name.slice(5))] : [])).sort((a, b) => a - b);
}

/** The progress of the newest checkpoint that has one. Only its own file is read, and no checksum. */
export async function newestProgress(folder: string): Promise<Progress | undefined> {
  for (const step of (await listCheckpoints(folder)).reverse()) {
    try {
      return JSON.parse(await readFile(join(checkpointFolder(folder, step), 'progress.json'), 'utf8')) as Progress;
    } catch {
      // A damaged checkpoint: the run reports it when it restores.
    }
  }
  return undefined;
}

export async function saveCheckpoint(
  folder: string,
  layout: ParamLayout,
  { progress, state }: Pick<Checkpoint, 'progress' | 'state'>,
  extra: Record<string, string>,
): Promise<string> {
  const path = checkpointFolder(folder, progress.step);
  const files: Record<string, Uint8Array | string> = {
    'params.safetensors': writeSafetensors(tensorsOf(state.params, layout)),
    'adam_m.safetensors': writeSafetensors(tensorsOf(state.m, layout)),
    'adam_v.safetensors': writeSafetensors(tensorsOf(state.v, layout)),
    'progress.json': `${JSON.stringify(progress, null, 2)}\n`,
    ...extra,
  };
  if (state.ema) files['ema.safetensors'] = writeSafetensors(tensorsOf(state.ema, layout));
  await writeFolderWhole(path, files, places.run);
  return path;
}

export async function loadCheckpoint(
  folder: string,
  step: number,
  layout: ParamLayout,
  check?: (progress: Progress) => void,
): Promise<Checkpoint> {
  const path = checkpointFolder(folder, step);
  const files = await readFolderWhole(path);
  const progress = JSON.parse(files['progress.json']!.toString('utf8')) as Progress;
  check?.(progress);
  const read = (name: string): Float32Array => {
    const file = files[name];
    if (!file) throw new MdiffError('MDIFF_DAMAGED', `${path}: this checkpoint has no ${name}; remove it to resume from an earlier one`);
    return flatten(file, layout, join(path, name));
  };
  const state: TrainState = { params: read('params.safetensors'), m: read('adam_m.safetensors'), v: read('adam_v.safetensors') };
  if (files['ema.safetensors']) state.ema = read('ema.safetensors');
  return { progress, state, files };
}

/**
 * The newest whole checkpoint; undefined when there is none yet. `onDamaged` gets a message for each newer one that is damaged.
 * `check` may throw on the progress of a checkpoint, before its weights are read.
 * @throws MdiffError MDIFF_DAMAGED if every checkpoint is damaged
 */
export async function latestCheckpoint(
  folder: string,
  layout: ParamLayout,
  check: (progress: Progress) => void,
  onDamaged: (message: string) => void,
): Promise<Checkpoint | undefined> {
  await sweep(folder);
  const steps = await listCheckpoints(folder);
  for (const step of steps.reverse()) {
    try {
      return await loadCheckpoint(folder, step, layout, check);
    } catch (error) {
      if ((error as MdiffError).code !== 'MDIFF_DAMAGED') throw error;
      onDamaged((error as Error).message);
    }
  }
  if (steps.length > 0)
    throw new MdiffError(
      'MDIFF_DAMAGED',
      `${folder}: every checkpoint is damaged (${steps.length}); restore one from a copy, or start over with --fresh`,
    );
  return undefined;
}

/** Renames the checkpoints from step `from` on, so that nothing resumes from them. @returns their new names */
export async function setAside(folder: string, from: number): Promise<string[]> {
  const names: string[] = [];
  for (const step of await listCheckpoints(folder)) {
    if (step < from || step === 0) continue; // at step 0 nothing is trained yet
    const path = checkpointFolder(folder, step);
    const aside = `${path}.nonfinite`;
    await rm(aside, { recursive: true, force: true });
    await rename(path, aside);
    names.push(basename(aside));
  }
  return names;
}

/** Removes the checkpoints after `step`. */
export async function removeLater(folder: string, step: number): Promise<void> {
  for (const later of (await listCheckpoints(folder)).filter((one) => one > step))
    await rm(checkpointFolder(folder, later), { recursive: true, force: true });
}

/** Removes all but the newest `keep` checkpoints and those in `always`. */
export async function pruneCheckpoints(folder: string, keep: number, always: ReadonlySet<number>): Promise<void> {
  const steps = await listCheckpoints(folder);
  for (const step of steps.slice(0, Math.max(0, steps.length - keep))) {
    if (!always.has(step)) await rm(checkpointFolder(folder, step), { recursive: true, force: true });
  }
}
