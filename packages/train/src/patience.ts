import type { TrainingConfig } from '@mdiff/config';

/** The epochs of one stage so far. */
export interface Patience {
  /** index of the stage */
  stage: number;
  /** lowest held-out NELBO at the end of an epoch */
  best: number;
  /** epochs since the last improvement */
  bad: number;
}

/**
 * Counts an epoch that ended with `nelbo` on the held-out text. An epoch improves if it is lower than the best by more than `min_delta`.
 * `exhausted`: `patience` epochs in a row did not improve, so the stage should end. A new stage starts counting again.
 */
export function judgeEpoch(
  before: Patience | undefined,
  { stage, nelbo }: { stage: number; nelbo: number },
  { patience, min_delta }: Pick<TrainingConfig, 'patience' | 'min_delta'>,
): { patience: Patience; exhausted: boolean } {
  const count = before?.stage === stage ? before : { stage, best: Infinity, bad: 0 };
  const after = nelbo < count.best - min_delta ? { stage, best: nelbo, bad: 0 } : { ...count, bad: count.bad + 1 };
  return { patience: after, exhausted: after.bad >= patience };
}
