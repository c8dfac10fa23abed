// The ranks that a launcher of MPI started this process among, as its environment tells.

export interface World {
  rank: number;
  /** ranks in all */
  size: number;
  /** ranks on this machine; 1 if the launcher does not tell */
  local: number;
  launcher: 'Open MPI' | 'MPICH' | 'SLURM';
}

/** Variables of size, rank and ranks on this machine. `mpirun` inside a SLURM job sets its own, which count. */
const launchers: readonly [World['launcher'], size: string, rank: string, local: string][] = [
  ['Open MPI', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_SIZE'],
  ['MPICH', 'PMI_SIZE', 'PMI_RANK', 'MPI_LOCALNRANKS'],
  // Those of a step: the script of a job has SLURM_NTASKS and SLURM_PROCID too, and is one process.
  ['SLURM', 'SLURM_STEP_NUM_TASKS', 'SLURM_PROCID', 'SLURM_STEP_TASKS_PER_NODE'],
];

const whole = (text: string | undefined): number | undefined => (text !== undefined && /^\d+/.test(text) ? parseInt(text, 10) : undefined);

/** The world of this process; undefined if it is alone. */
export function worldOf(env: Readonly<Record<string, string | undefined>> = process.env): World | undefined {
  for (const [launcher, sizeName, rankName, localName] of launchers) {
    const [size, rank] = [whole(env[sizeName]), whole(env[rankName])];
    if (size === undefined || rank === undefined || rank >= size) continue;
    return size > 1 ? { rank, size, local: whole(env[localName]) ?? 1, launcher } : undefined;
  }
  return undefined;
}
