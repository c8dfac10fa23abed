import type { ProjectConfig } from '@mdiff/config';
import { hear, watchRanks } from '@mdiff/engine';
import type { Communicator } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import type { CrewOptions } from './crew.js';
import { measuredRun } from './measured.js';
import type { StudyRun, Training } from './measured.js';
import { GO_ON, meetForStudy } from './messages.js';
import type { Order, Outcome } from './messages.js';

// A rank of a study beside rank 0: it trains the runs that rank 0 gives it, each in the folder of the study on its own machine, and sends their figures.

export interface MemberOptions extends CrewOptions {
  /** folder of the study on this machine */
  folder: string;
}

/** Trains for rank 0 to the end of the study. @returns the exit code, which is that of rank 0; what ends a study is said by rank 0 */
export async function joinCrew(config: ProjectConfig, { comm, warn, folder }: MemberOptions): Promise<number> {
  let meeting: Awaited<ReturnType<typeof meetForStudy>>;
  try {
    meeting = await meetForStudy(comm, config);
  } catch (error) {
    if (!(error instanceof MdiffError && error.code === 'MDIFF_RANKS')) throw error;
    await comm.close();
    return error.exitCode; // rank 0 shows the same error
  }
  const { names, threads } = meeting;
  const end = (line: string): void => {
    warn(line);
    comm.abort(1);
  };
  const watch = watchRanks(comm, names, end, GO_ON);
  try {
    const code = await trainFor(config, { comm, folder, threads });
    watch.stop();
    await comm.close();
    return code;
  } catch (error) {
    end(`${names[comm.rank]}: ${(error as Error).message.split('\n')[0]}; the job ends on all ranks; ${GO_ON}`);
    return new Promise(() => undefined); // MPI ends this process
  }
}

/** Follows the orders of rank 0, of which "stop" may come while a run is trained. */
async function trainFor(
  config: ProjectConfig,
  { comm, folder, threads }: { comm: Communicator; folder: string; threads: number },
): Promise<number> {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  for (;;) {
    const order = await hear<Order>(comm, 0);
    if (order.op === 'stop') stopping.abort();
    else if (order.op === 'train' && order.rank === comm.rank) {
      running = outcomeHere(config, order.run, { folder, threads, signal: stopping.signal }).then((outcome) => send(comm, outcome));
      running.catch(() => undefined); // awaited at the end
    } else if (order.op === 'end') {
      await running;
      return order.code;
    }
  }
}

async function outcomeHere(config: ProjectConfig, run: StudyRun, training: Training): Promise<Outcome> {
  try {
    return { result: (await measuredRun(config, run, training)) ?? null };
  } catch (error) {
    const { code = 'MDIFF_RANKS', message, exitCode = 1 } = error as Error & { code?: string; exitCode?: number };
    return { fault: { code, message, exitCode } };
  }
}

async function send(comm: Communicator, outcome: Outcome): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(outcome));
  await Promise.all([comm.send(Int32Array.of(bytes.length), 0), comm.send(bytes, 0)]);
}
