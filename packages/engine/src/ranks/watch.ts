import type { Communicator } from './communicator.js';

// Watches that the other ranks live. Rank 0 hears all of them, and they hear rank 0: MPI alone waits for ever for a rank that hangs.

/** Seconds without a sign of life, which a thread of its own sends every second: the process is dead, stopped or out of memory. */
const SILENT = 15;
/** Seconds without a turn of the event loop, while a run trains and every turn is short. */
const STILL = 20;
/** A pause of this process, in seconds, after which it is in no position to judge the others. */
const SLEPT = 5;

export interface Watch {
  /** from now on event loops count too, or no longer */
  strict: boolean;
  stop(): void;
}

/** The rank that is lost, and why; undefined if none is. */
export function lostRank(silence: Float64Array, strict: boolean): { rank: number; reason: string } | undefined {
  for (let rank = 0; 2 * rank < silence.length; rank++) {
    const [silent, still] = [silence[2 * rank]!, silence[2 * rank + 1]!];
    if (silent > SILENT)
      return { rank, reason: `has not been heard for ${Math.round(silent)} s: its process is dead, stopped or out of memory` };
    if (strict && silent + still > STILL)
      return { rank, reason: `hangs: its event loop has been still for ${Math.round(silent + still)} s` };
  }
  return undefined;
}

/** Looks every second, and calls `onLost` once with a line that names the first rank that is lost, and says how to go on. */
export function watchRanks(
  comm: Communicator,
  names: readonly string[],
  onLost: (line: string) => void,
  goOn = 'run the command again with --resume',
): Watch {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const slept = (now - last) / 1000 > SLEPT;
    last = now;
    comm.tick(slept);
    const lost = slept ? undefined : lostRank(comm.silence(), watch.strict);
    if (!lost) return;
    clearInterval(timer);
    onLost(`${names[lost.rank]} ${lost.reason}; the job ends on all ranks; ${goOn}`);
  }, 1000);
  timer.unref();
  const watch: Watch = { strict: false, stop: () => clearInterval(timer) };
  return watch;
}
