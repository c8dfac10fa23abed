import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { isSetIn } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { hasAside } from './aside.js';
import { findRun } from './record.js';
import type { EarlierRun } from './record.js';

/** A name for the run of a text, which fits the pattern of `experiment_name`. */
export function nameOfText(source: string): string {
  const builtin = /^builtin:(.*)$/.exec(source)?.[1];
  // A pattern is named after the folder that it begins with.
  const path = source.replace(/[/\\]*[^/\\]*[*?[\]{}].*$/, '') || source;
  const name = builtin ?? (source === '-' ? 'stdin' : basename(path, extname(path)).replace(/\.tar$/i, ''));
  const cleaned = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64)
    .replace(/[-.]+$/, '');
  // A name in another alphabet leaves nothing, and two such books need two folders.
  return cleaned === '' ? `text-${createHash('sha256').update(name).digest('hex').slice(0, 8)}` : cleaned;
}

/** The configuration with a name for its run: its own, or the text's if no layer sets `experiment_name`. */
export const named = (config: ProjectConfig): ProjectConfig =>
  isSetIn(config, 'experiment_name') ? config : config.with({ experiment_name: nameOfText(config.data.source) });

export const runFolder = (config: ProjectConfig): string => join(config.output_dir, config.experiment_name);

/** `"Moby-Dick" at step 12 of 20 (saved on 2026-11-29 16:20 UTC)` */
export function describeRun({ step, record, fingerprint }: EarlierRun): string {
  const text = fingerprint ? `of "${fingerprint.text.title}" ` : '';
  if (!record) return `${text}at step ${step}`;
  const time = String(record.updated).slice(0, 16).replace('T', ' ');
  return `${text}at step ${step} of ${record.steps} (${record.state === 'finished' ? 'finished' : 'saved'} on ${time} UTC)`;
}

/**
 * The folders in `outputDir` that hold a run.
 * @param onDamaged receives the error of a run whose record cannot be read; without it, that error ends the listing
 */
export async function listRuns(outputDir: string, onDamaged?: (error: Error) => void): Promise<{ folder: string; run: EarlierRun }[]> {
  const entries = await readdir(outputDir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join(outputDir, name));
  const runIn = (folder: string): Promise<EarlierRun | undefined> =>
    findRun(folder).catch((error: Error) => {
      if (!onDamaged) throw error;
      onDamaged(error);
      return undefined;
    });
  const found = await Promise.all(folders.map(async (folder) => ({ folder, run: await runIn(folder) })));
  return found.flatMap(({ folder, run }) => (run ? [{ folder, run }] : []));
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

/** The folder of the run that `name` means: a folder, or the name of a run in `outputDir`; undefined if there is no such run. */
export async function runNamed(name: string, outputDir: string): Promise<string | undefined> {
  for (const folder of [name, join(outputDir, name)]) if ((await isFolder(folder)) && (await findRun(folder))) return folder;
  return undefined;
}

/** The run that a command resumes. */
export interface Resumable {
  folder: string;
  /** true: the configuration describes this run */
  configured: boolean;
  /** true: the argument of the command is a text, not a run */
  isText: boolean;
}

/**
 * The run that `--resume` means: the one that `name` names; else the one that the configuration or the text names; else the only unfinished one, or the
 * only one, in `output_dir`. `configurationOf` gives the configuration of the command, with a text or without one.
 * @throws MdiffError MDIFF_EXISTS if there is none, or more than one
 */
export async function findResumed(
  configurationOf: (text?: string) => ProjectConfig,
  { name, text }: { name?: string | undefined; text?: string | undefined } = {},
): Promise<Resumable> {
  const config = configurationOf();
  const byName = name === undefined ? undefined : await runNamed(name, config.output_dir);
  if (byName !== undefined) return { folder: byName, configured: resolve(byName) === resolve(runFolder(named(config))), isText: false };
  const folder = runFolder(named(configurationOf(text)));
  const isText = text !== undefined;
  // A run that was put aside comes back when its folder is locked.
  if ((await findRun(folder)) || (await hasAside(folder))) return { folder, configured: true, isText };
  if (isText || isSetIn(config, 'experiment_name')) throw noRun(folder, await listRuns(config.output_dir));
  return { folder: await onlyRun(config.output_dir), configured: false, isText };
}

/** The names of runs, as the end of a sentence that tells what to name instead. */
export const othersOf = (runs: readonly { folder: string }[]): string =>
  runs.length === 0 ? '' : `, or name one that is there: ${runs.map((run) => basename(run.folder)).join(', ')}`;

/** The error of a run that is not there, with those that are. */
function noRun(folder: string, runs: readonly { folder: string }[]): MdiffError {
  return new MdiffError('MDIFF_EXISTS', `${folder}: there is no run to resume; leave --resume out to start one${othersOf(runs)}`, 2);
}

async function onlyRun(outputDir: string): Promise<string> {
  const runs = await listRuns(outputDir);
  const unfinished = runs.filter(({ run }) => run.record?.state !== 'finished');
  const candidates = unfinished.length > 0 ? unfinished : runs;
  const [only, ...others] = candidates;
  if (!only) throw noRun(outputDir, runs);
  if (others.length === 0) return only.folder;
  throw new MdiffError(
    'MDIFF_EXISTS',
    [
      `${outputDir}: this folder holds ${candidates.length} ${unfinished.length > 0 ? 'unfinished ' : ''}runs; name the one to resume:`,
      ...candidates.map(({ folder, run }) => `  npx mdiff train --resume ${folder}   # ${describeRun(run)}`),
    ].join('\n'),
    2,
  );
}
