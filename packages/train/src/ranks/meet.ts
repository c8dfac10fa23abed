import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { everyone, ranksError } from '@mdiff/engine';
import type { Communicator } from '@mdiff/engine';
import { usableThreads } from '@mdiff/workers';

// How the ranks of a run meet: they compare what must be the same on all of them before any work begins.

/** What a rank says of itself. */
interface Introduction {
  host: string;
  pid: number;
  version: string;
  /** the values of every key that decides what is learnt */
  config: Record<string, unknown>;
  /** its text comes from the standard input */
  stdin: boolean;
  /** the processors that it may run on, and how many of them it can keep busy */
  processors: string;
  threads: number;
}

export interface Meeting {
  /** of each rank: "rank 2 (host b, pid 71)" */
  names: string[];
  /** threads for each rank, where the configuration leaves them open: the same on all, so that all round alike */
  threads: number;
}

/** Keys whose values may differ from rank to rank. The fingerprint of the text counts, not its place. */
const LOCAL = /^(?:(?:output|cache|data)_dir|log_format|reports|experiment_name|data\.source|data\.val_source|hardware\.max_vram_gb)$/;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

function processorsOf(): string {
  try {
    return /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  } catch {
    return ''; // another system: all processors
  }
}

/** Introduces this rank to all others. @throws MdiffError MDIFF_RANKS on every rank, with the same message, if two of them differ */
export async function meet(comm: Communicator, config: ProjectConfig, own: Partial<Introduction> = {}): Promise<Meeting> {
  const all = await everyone<Introduction>(comm, {
    host: hostname(),
    pid: process.pid,
    version,
    config: Object.fromEntries(Object.entries(valuesByKey(config)).filter(([key]) => !LOCAL.test(key))),
    stdin: config.data.source === '-',
    processors: processorsOf(),
    threads: usableThreads(),
    ...own,
  });
  const names = all.map(({ host, pid }, rank) => `rank ${rank} (host ${host}, pid ${pid})`);
  if (all.some(({ stdin }) => stdin))
    throw ranksError('data.source "-": every rank reads the text, and only one has a standard input; save it as a file', 2);
  const first = all[0]!;
  for (const [rank, one] of all.entries()) {
    if (one.version !== first.version)
      throw ranksError(
        `${names[rank]} runs mdiff ${one.version} and rank 0 mdiff ${first.version}: install the same version on every machine`,
        2,
      );
    const key = Object.keys(first.config).find((name) => !same(one.config[name], first.config[name]));
    if (key !== undefined)
      throw ranksError(
        `${key}: ${names[rank]} has ${JSON.stringify(one.config[key])} and rank 0 ${JSON.stringify(first.config[key])}: give every rank the same configuration`,
        2,
      );
  }
  return { names, threads: Math.min(...all.map((one) => threadsOf(one, all))) };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The threads of a rank: it shares its processors with the other ranks of its machine that may run on the same ones. */
function threadsOf({ host, processors, threads }: Introduction, all: readonly Introduction[]): number {
  const sharing = all.filter((other) => other.host === host && other.processors === processors).length;
  return Math.max(1, Math.floor(threads / sharing));
}
