// How fast a run is. Pure: each function returns a new pace.

interface Throughput {
  tokens: number;
  seconds: number;
}

export interface Pace {
  /** since the last metric line */
  sinceLine: Throughput;
  /** the first step of this process, which compiles, is done */
  started: boolean;
  /** seconds of an average step of an earlier session of this run, or as the plan measured it: the time left is judged by it until a step has been timed here */
  before?: number;
  /** seconds of the latest steps after the first, each divided by its work, the newest last */
  recent: readonly number[];
}

const none: Throughput = { tokens: 0, seconds: 0 };
export const startingPace: Pace = { sinceLine: none, started: false, recent: [] };

/** Steps that the time left is judged by. */
const RECENT = 50;

/** `work`: of the step, in average steps (`workloadOf`). */
export function paceAfterStep(pace: Pace, tokens: number, seconds: number, work = 1): Pace {
  const { sinceLine, started, recent } = pace;
  return {
    ...pace,
    sinceLine: { tokens: sinceLine.tokens + tokens, seconds: sinceLine.seconds + seconds },
    started: true,
    recent: started ? [...recent.slice(1 - RECENT), seconds / work] : recent,
  };
}

export const paceAfterLine = (pace: Pace): Pace => ({ ...pace, sinceLine: none });

/** Tokens per second since the last metric line. */
export const lineRate = ({ sinceLine }: Pace): number => (sinceLine.seconds > 0 ? sinceLine.tokens / sinceLine.seconds : 0);

/**
 * Seconds of an average step: mean of the recent ones, without those that took ten times as long as half of them: they compiled, or the machine slept.
 * @returns before the second step the seconds of an earlier session or of the plan, if there are any
 */
export function secondsPerStep({ recent, before }: Pace): number | undefined {
  const median = [...recent].sort((a, b) => a - b)[recent.length >> 1];
  if (median === undefined) return before;
  const usual = recent.filter((seconds) => seconds <= 10 * median);
  return usual.reduce((sum, seconds) => sum + seconds, 0) / usual.length;
}
