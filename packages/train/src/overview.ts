// What is known of a run, from its record and its metrics. Loads no engine and changes nothing.
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MdiffError, FILES } from '@mdiff/folder';
import { readMetrics } from './metrics.js';
import { findRun } from './record.js';
import type { EarlierRun } from './record.js';
import { listRuns, othersOf, runNamed } from './runs.js';
import { isThere } from './isthere.js';

export interface RunOverview {
  name: string;
  folder: string;
  run: EarlierRun;
  /** the newest evaluation: held-out bits/byte, and the step after which it was made */
  evaluated?: { step: number; bitsPerByte: number };
  /** the exported model folder */
  model?: string;
  /** bytes of the run folder */
  bytes: number;
}

/** Bytes of the files in a folder, and in the folders in it. A file that goes away meanwhile counts nothing. */
export async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = entries.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sizeOf(path);
    return stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** The run in a folder. @throws as `findRun` does; MdiffError MDIFF_RUN if it holds none */
export async function overviewAt(folder: string): Promise<RunOverview> {
  const run = await findRun(folder);
  if (!run) throw new MdiffError('MDIFF_RUN', `${folder}: this folder holds no run; npx mdiff runs list shows the runs that are there`, 2);
  return overviewOf(folder, run);
}

async function overviewOf(folder: string, run: EarlierRun): Promise<RunOverview> {
  const last = (await readMetrics(join(folder, 'metrics.jsonl'))).findLast((line) => line.bits_per_byte !== undefined);
  const model = join(folder, 'model');
  return {
    name: basename(folder),
    folder,
    run,
    ...(last && { evaluated: { step: last.step, bitsPerByte: last.bits_per_byte! } }),
    ...((await isThere(join(model, FILES.config))) && { model }),
    bytes: await sizeOf(folder),
  };
}

/** Every run in `outputDir`, by name. `onDamaged` receives the error of each whose record cannot be read. */
export async function overviews(outputDir: string, onDamaged: (error: Error) => void): Promise<RunOverview[]> {
  const runs = await listRuns(outputDir, onDamaged);
  return Promise.all(runs.map(({ folder, run }) => overviewOf(folder, run)));
}

/** The run that `name` means: a folder, or a name in `outputDir`. @throws MdiffError MDIFF_RUN if there is none */
export async function overviewNamed(name: string, outputDir: string): Promise<RunOverview> {
  const folder = await runNamed(name, outputDir);
  const run = folder === undefined ? undefined : await findRun(folder);
  if (folder !== undefined && run) return overviewOf(folder, run);
  const others = othersOf(await listRuns(outputDir, () => undefined));
  throw new MdiffError(
    'MDIFF_RUN',
    `${name}: there is no run of this name in ${outputDir}, and no run folder; give the path of one${others}`,
    2,
  );
}

/** The run in `outputDir` that was written last, a training one before others. @throws MdiffError MDIFF_RUN if there is none */
export async function newestRun(outputDir: string): Promise<RunOverview> {
  const runs = await overviews(outputDir, () => undefined);
  const rank = ({ run: { record } }: RunOverview): string => `${record?.state === 'finished' ? 0 : 1} ${record?.updated ?? ''}`;
  const newest = runs.sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0];
  if (newest) return newest;
  throw new MdiffError('MDIFF_RUN', `${outputDir}: no run is here yet; start one with npx mdiff train <book>`, 2);
}
