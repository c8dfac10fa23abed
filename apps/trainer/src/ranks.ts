import { hostname } from 'node:os';
import { exitCodeOf, ignoreStops } from '@mdiff/cli';
import type { ProjectConfig } from '@mdiff/config';
import type { Communicator } from '@mdiff/engine';

// A command that a launcher of MPI has started on several ranks: `mpirun -n 4 npx mdiff train book.txt`.

/** Says what ends the job, below a line of progress that may stand there. */
const warn = (text: string): void => void process.stderr.write(`\n${text}\n`);

/** ms that rank 0 has to show an error that all ranks have. Launchers end the other ranks when it ends. */
const FIRST = 3000;

/** Reads the configuration. Where every rank finds the same mistake, rank 0 alone shows it. */
export async function loadedHere<T>(load: () => Promise<T> | T): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { worldOf } = await import('@mdiff/engine');
    const rank = worldOf()?.rank ?? 0;
    if (rank > 0) {
      await new Promise((resolve) => setTimeout(resolve, FIRST));
      (error as Error).message = `rank ${rank} (host ${hostname()}): ${(error as Error).message}`;
    }
    throw error;
  }
}

/** Rank 0 of a job, which ends it. */
interface Leading {
  /** `message` is shown first if the job has to be ended by force */
  end(code: number, message?: string): Promise<void>;
}

interface Sides<Leader extends Leading> {
  /** Meets the other ranks. */
  lead(options: RankOptions): Promise<Leader>;
  /** Follows rank 0 to its end. @returns the exit code that rank 0 gives */
  follow(options: RankOptions): Promise<number>;
}

interface RankOptions {
  comm: Communicator;
  warn(text: string): void;
}

/** Runs `work` on the rank that leads, or on the only one. The others follow it to its end, and set their exit code. */
export async function onRanks<Leader extends Leading>(
  { cache_dir }: ProjectConfig,
  { lead, follow }: Sides<Leader>,
  work: (leader: Leader | undefined) => Promise<void>,
): Promise<void> {
  const { openMpi, worldOf } = await import('@mdiff/engine');
  const world = worldOf();
  if (world === undefined) return work(undefined);
  const comm = await loadedHere(() => openMpi(cache_dir, world));
  if (comm.rank > 0) {
    const listenAgain = ignoreStops(); // rank 0 is told too, saves, and lets this rank go
    process.exitCode = await follow({ comm, warn }).finally(listenAgain);
    return;
  }
  const leader = await lead({ comm, warn }).catch(async (error: unknown) => {
    await comm.close(); // the other ranks have seen the same, and leave too
    throw error;
  });
  try {
    await work(leader);
  } catch (error) {
    await leader.end(exitCodeOf(error), (error as Error).message);
    throw error;
  }
  await leader.end(Number(process.exitCode ?? 0));
}
