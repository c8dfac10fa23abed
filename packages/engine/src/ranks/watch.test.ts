import { localRanks } from '@mdiff/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { everyone } from './communicator.js';
import { openMpi } from './mpi.js';
import { lostRank, watchRanks } from './watch.js';
import { worldOf } from './world.js';

describe('the world of a process', () => {
  it.each([
    ['Open MPI', { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_LOCAL_SIZE: '2' }, 2],
    ['MPICH', { PMI_SIZE: '4', PMI_RANK: '3', MPI_LOCALNRANKS: '4' }, 4],
    ['SLURM', { SLURM_STEP_NUM_TASKS: '4', SLURM_PROCID: '3', SLURM_STEP_TASKS_PER_NODE: '2(x2)' }, 2],
    // mpirun in a job of SLURM
    ['Open MPI', { SLURM_STEP_NUM_TASKS: '2', SLURM_PROCID: '0', OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '3' }, 1],
  ])('%s', (launcher, env, local) => {
    expect(worldOf(env)).toEqual({ launcher, rank: 3, size: 4, local });
  });

  it('is one process without a launcher, for one rank, and in the script of a SLURM job', () => {
    expect(worldOf({})).toBeUndefined();
    expect(worldOf({ OMPI_COMM_WORLD_SIZE: '1', OMPI_COMM_WORLD_RANK: '0' })).toBeUndefined();
    expect(worldOf({ SLURM_NTASKS: '4', SLURM_PROCID: '0' })).toBeUndefined();
    expect(worldOf({ PMI_SIZE: 'many', PMI_RANK: '0' })).toBeUndefined();
  });

  it('needs the addon', () => {
    const world = { launcher: 'Open MPI', rank: 1, size: 4, local: 4 } as const;
    expect(() => openMpi('/nowhere', world)).toThrow(
      'Open MPI started 4 ranks, and mdiff has no MPI in /nowhere: run "mdiff engine install mpi" on this machine',
    );
  });
});

describe('the watch over ranks', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('takes a rank for lost that is silent, or whose event loop stands still while it trains', () => {
    expect(lostRank(Float64Array.of(0, 0, 14, 0), false)).toBeUndefined();
    expect(lostRank(Float64Array.of(0, 0, 1, 0, 16, 0), false)).toEqual({
      rank: 2,
      reason: 'has not been heard for 16 s: its process is dead, stopped or out of memory',
    });
    expect(lostRank(Float64Array.of(0, 0, 1, 25), false)).toBeUndefined();
    expect(lostRank(Float64Array.of(0, 0, 1, 25), true)?.reason).toBe('hangs: its event loop has been still for 26 s');
  });

  it('names it in one line, once', () => {
    const lines: string[] = [];
    const watch = watchRanks(localRanks(3, { silent: [2] })[0]!, ['rank 0', 'rank 1', 'rank 2 (host b, pid 7)'], (line) =>
      lines.push(line),
    );
    vi.advanceTimersByTime(3000);
    expect(lines).toEqual([
      'rank 2 (host b, pid 7) has not been heard for 60 s: its process is dead, stopped or out of memory; the job ends on all ranks; run the command again with --resume',
    ]);
    watch.stop();
  });

  it('judges nobody after a pause of its own', () => {
    const lines: string[] = [];
    const comm = { ...localRanks(2, { silent: [1] })[0]!, tick: vi.fn() };
    const watch = watchRanks(comm, ['', ''], (line) => lines.push(line));
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
    vi.advanceTimersByTime(1000);
    expect(lines).toEqual([]);
    expect(comm.tick).toHaveBeenLastCalledWith(true);
    watch.stop();
    vi.restoreAllMocks();
  });
});

it('gathers a value of every rank', async () => {
  const all = await Promise.all(localRanks(3).map((comm) => everyone(comm, { rank: comm.rank, word: 'größe'.repeat(comm.rank) })));
  expect(all[1]).toEqual(all[0]);
  expect(all[0]!.map(({ rank }) => rank)).toEqual([0, 1, 2]);
});
