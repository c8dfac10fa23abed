/** The running mean of the losses of one stage and objective. */
export interface LossMean {
  /** stage and objective: losses of others cannot be compared */
  of: string;
  mean: number;
  steps: number;
  /** steps since the last spike that was reported */
  quiet: number;
}

/** A loss this many times the running mean is a spike. */
const FACTOR = 3;
/** Steps that the mean needs before it can judge, and about as many count in it. */
const STEPS = 20;
/** Steps for which the spikes after a reported one are taken for the same trouble. */
const QUIET = 200;

/** Adds the loss of a step. `spike`: it is three times the mean of those before it, and none was reported lately. */
export function addLoss(before: LossMean | undefined, of: string, loss: number): { after: LossMean; spike: boolean } {
  const same = before?.of === of ? before : { of, mean: 0, steps: 0, quiet: QUIET };
  const spike = same.steps >= STEPS && loss > FACTOR * same.mean && same.quiet >= QUIET;
  const weight = 1 / Math.min(same.steps + 1, STEPS);
  return {
    after: { of, mean: same.mean + weight * (loss - same.mean), steps: same.steps + 1, quiet: spike ? 0 : same.quiet + 1 },
    spike,
  };
}
