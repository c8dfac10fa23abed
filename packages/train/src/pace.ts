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
  /**
   * seconds of an average step until a second step has been timed here: of an earlier session of this run, as the plan measured it, or else of the
   * first step without the making of its graph
   */
  before?: number;
  /** seconds of the latest steps after the first, each divided by its work, the newest last */
  recent: readonly number[];
}

const none: Throughput = { tokens: 0, seconds: 0 };
export const startingPace: Pace = { sinceLine: none, started: false, recent: [] };

/** Steps that the time left is judged by. */
const RECENT = 50;

/** A step that has been timed. `work`: in average steps (`workloadOf`); `making`: the seconds of it in which the engine made its graph. */
export interface TimedStep extends Throughput {
  work?: number;
  making?: number;
}

export function paceAfterStep(pace: Pace, { tokens, seconds, work = 1, making = 0 }: TimedStep): Pace {
  const { sinceLine, started, recent } = pace;
  const before = pace.before ?? (started ? undefined : (seconds - making) / work);
  return {
    ...pace,
    sinceLine: { tokens: sinceLine.tokens + tokens, seconds: sinceLine.seconds + seconds },
    started: true,
    recent: started ? [...recent.slice(1 - RECENT), seconds / work] : recent,
    ...(before !== undefined && { before }),
  };
}

export const paceAfterLine = (pace: Pace): Pace => ({ ...pace, sinceLine: none });

/** Tokens per second since the last metric line. */
export const lineRate = ({ sinceLine }: Pace): number => (sinceLine.seconds > 0 ? sinceLine.tokens / sinceLine.seconds : 0);

/**
 * Seconds of an average step: mean of the recent ones, without those that took ten times as long as half of them: they compiled, or the machine slept.
 * @returns before the second step `before`, if there is any
 */
export function secondsPerStep({ recent, before }: Pace): number | undefined {
  const median = [...recent].sort((a, b) => a - b)[recent.length >> 1];
  if (median === undefined) return before;
  const usual = recent.filter((seconds) => seconds <= 10 * median);
  return usual.reduce((sum, seconds) => sum + seconds, 0) / usual.length;
}
