import type { ProjectConfig } from '@mdiff/config';
import { tell, watchRanks } from '@mdiff/engine';
import type { Communicator } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import type { Failed, Measured, StudyRun } from './measured.js';
import { GO_ON, meetForStudy } from './messages.js';
import type { Order, Outcome } from './messages.js';

// Rank 0 of a study on several ranks. It alone keeps the record and prints; each rank trains whole runs, one after another.

/** Another rank, which trains runs of the study. */
export interface Member {
  rank: number;
  /** One run at a time. @returns undefined if it was stopped */
  train(run: StudyRun): Promise<Measured | Failed | undefined>;
}

export interface Crew {
  /** threads of a rank, where the configuration leaves them open */
  readonly threads: number;
  readonly members: readonly Member[];
  /** The others save the runs that they train, and take no more. */
  stop(): void;
  /** Ends all ranks with this exit code. */
  end(code: number): Promise<void>;
}

export interface CrewOptions {
  comm: Communicator;
  warn(text: string): void;
}

/** Meets the other ranks. @throws MdiffError MDIFF_RANKS if they differ */
export async function gatherCrew(config: ProjectConfig, { comm, warn }: CrewOptions): Promise<Crew> {
  const { names, threads } = await meetForStudy(comm, config);
  const onLost = (line: string): void => {
    warn(line);
    comm.abort(1);
  };
  const watch = watchRanks(comm, names, onLost, GO_ON);
  const running = new Set<Promise<Outcome>>();
  const order = (value: Order): Promise<void> => tell(comm, value);
  let stopped: Promise<void> | undefined;

  const memberOf = (rank: number): Member => ({
    rank,
    train: async (run) => {
      const told = order({ op: 'train', rank, run });
      const answer = outcomeOf(comm, rank);
      running.add(answer);
      const [outcome] = await Promise.all([answer, told]);
      running.delete(answer);
      if ('result' in outcome) return outcome.result ?? undefined;
      const { code, message, exitCode } = outcome.fault;
      throw new MdiffError(code, `${names[rank]}: ${message}`, exitCode);
    },
  });
  const stop = (): Promise<void> => (stopped ??= order({ op: 'stop' }));
  return {
    threads,
    members: Array.from({ length: comm.size - 1 }, (_, i) => memberOf(i + 1)),
    stop: () => void stop(),
    end: async (code) => {
      // A run that still goes on is saved first: MPI ends with all ranks, and is silent from then on.
      if (running.size > 0) await Promise.all([stop(), ...running]);
      watch.stop();
      await order({ op: 'end', code });
      await comm.close();
    },
  };
}

/** The outcome that a rank sends next. */
async function outcomeOf(comm: Communicator, rank: number): Promise<Outcome> {
  const length = new Int32Array(1);
  await comm.receive(length, rank);
  const bytes = new Uint8Array(length[0]!);
  await comm.receive(bytes, rank);
  return JSON.parse(new TextDecoder().decode(bytes)) as Outcome;
}
