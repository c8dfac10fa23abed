import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isAlive, isLocked } from '@mdiff/folder/node';
import type { Reporter } from './reporter.js';

// A run says in a file of its folder which phase it is in, so that `mdiff watch` can show it before there is a first step, and while it evaluates
// or exports. The file is there while a process holds the folder; it begins with a dot, as those of the lock do, and is no part of the run.

export interface Activity {
  /** when the process took the folder */
  started: string;
  pid: number;
  host: string;
  phase: string;
  detail?: string;
  /** the part of the phase that is done */
  progress?: { what: string; done: number; total: number };
  /** when the run ends, its last evaluation included, by its own estimate */
  ends?: string;
}

const pathOf = (folder: string): string => join(folder, '.activity.json');

/** ms between two writings of progress; a new phase is written at once */
const EVERY = 500;

/** What the process that holds a folder is doing; undefined without such a process. */
export async function activityOf(folder: string): Promise<Activity | undefined> {
  let activity: Activity;
  try {
    activity = JSON.parse(await readFile(pathOf(folder), 'utf8')) as Activity;
  } catch {
    return undefined; // nobody, another release, or another task
  }
  // A process that learns a tokenizer does nothing else for a while, and the heartbeat of its lock stops.
  const runs = activity.host === hostname() && isAlive(activity.pid);
  return runs || (await isLocked(folder)) ? activity : undefined;
}

/** The folders in `outputDir` that a process works in, the latest first. */
export async function activeRuns(outputDir: string): Promise<string[]> {
  const entries = await readdir(outputDir, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join(outputDir, name));
  const found = await Promise.all(folders.map(async (folder) => ({ folder, activity: await activityOf(folder) })));
  return found
    .flatMap(({ folder, activity }) => (activity ? [{ folder, started: activity.started }] : []))
    .sort((a, b) => (a.started < b.started ? 1 : -1))
    .map(({ folder }) => folder);
}

/**
 * A reporter that also writes what it is told to the folder, until it is closed. It writes at once and waits for the disk: the phase that begins may leave
 * the process no time for anything else. A file that cannot be written changes nothing for the run.
 */
export function withActivity(reporter: Reporter, folder: string): { reporter: Reporter; close(): void } {
  const owner = { started: new Date().toISOString(), pid: process.pid, host: hostname() };
  let now: Pick<Activity, 'phase' | 'detail' | 'ends'> = { phase: 'starting' };
  let time = 0;
  const say = (progress?: Activity['progress']): void => {
    time = Date.now();
    const temporary = `${pathOf(folder)}.tmp-${process.pid}`;
    try {
      writeFileSync(temporary, JSON.stringify({ ...owner, ...now, ...(progress && { progress }) } satisfies Activity));
      renameSync(temporary, pathOf(folder));
    } catch {
      // The run itself says what is wrong with the disk.
    }
  };
  say();
  return {
    reporter: {
      ...reporter,
      phase: (name, detail) => {
        const { ends } = now;
        now = { phase: name, ...(detail !== undefined && { detail }), ...(ends !== undefined && { ends }) };
        say();
        reporter.phase(name, detail);
      },
      step: (report, logged) => {
        if (report.left !== undefined) now = { ...now, ends: new Date(Date.now() + 1000 * report.left).toISOString() };
        if (logged || Date.now() - time >= EVERY) say();
        reporter.step(report, logged);
      },
      progress: (what, done, total) => {
        if (Date.now() - time >= EVERY) say({ what, done, total });
        reporter.progress(what, done, total);
      },
    },
    close: () => {
      try {
        rmSync(pathOf(folder), { force: true });
      } catch {
        // What is left of a process that has ended counts no more.
      }
    },
  };
}
