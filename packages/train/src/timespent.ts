// Where the time of a run goes: into its steps, or into evaluating, keeping and watching it.

/** Seconds over all sessions of a run. */
export interface TimeSpent {
  /** batches, passes and updates */
  steps: number;
  /** passes over the held-out text */
  evaluation: number;
  /** writing and removing checkpoints */
  checkpoints: number;
  /** metric lines, event files, samples and what the terminal shows */
  watching: number;
}

export type Part = keyof TimeSpent;

export const noTime: Readonly<TimeSpent> = { steps: 0, evaluation: 0, checkpoints: 0, watching: 0 };

/** Adds the time of `work` to its part, also if it fails. */
export async function spend<T>(holder: { spent?: TimeSpent }, part: Part, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    holder.spent ??= { ...noTime };
    holder.spent[part] += (performance.now() - start) / 1000;
  }
}

/** `steps 93.1 %, evaluation 5.3 %, checkpoints 1.2 %, watching 0.4 %`; undefined before anything took time */
export function describeTime(spent: TimeSpent | undefined): string | undefined {
  if (!spent) return undefined;
  const parts: readonly Part[] = ['steps', 'evaluation', 'checkpoints', 'watching'];
  const total = parts.reduce((sum, part) => sum + spent[part], 0);
  return total > 0 ? parts.map((part) => `${part} ${((100 * spent[part]) / total).toFixed(1)} %`).join(', ') : undefined;
}

/** Seconds that checkpoints and watching take for each step, as far as they are known. */
export const besideStep = (spent: TimeSpent | undefined, steps: number): number =>
  spent && steps > 0 ? (spent.checkpoints + spent.watching) / steps : 0;
