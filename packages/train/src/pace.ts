// How fast a run is. Pure: each function returns a new pace.

interface Throughput {
  tokens: number;
  seconds: number;
}

export interface Pace {
  /** since the last metric line */
  sinceLine: Throughput;
  /** of the first step of this process, which compiles */
  first?: Throughput;
  /** since the first step */
  sinceFirst: Throughput;
  /** seconds of the latest steps after the first, the newest last */
  recent: readonly number[];
}

const none: Throughput = { tokens: 0, seconds: 0 };
export const startingPace: Pace = { sinceLine: none, sinceFirst: none, recent: [] };

/** Steps that the time left is judged by. */
const RECENT = 50;

export function paceAfterStep({ sinceLine, first, sinceFirst, recent }: Pace, tokens: number, seconds: number): Pace {
  const add = (sum: Throughput): Throughput => ({ tokens: sum.tokens + tokens, seconds: sum.seconds + seconds });
  if (first === undefined) return { sinceLine: add(sinceLine), first: { tokens, seconds }, sinceFirst, recent };
  return { sinceLine: add(sinceLine), first, sinceFirst: add(sinceFirst), recent: [...recent.slice(1 - RECENT), seconds] };
}

export const paceAfterLine = (pace: Pace): Pace => ({ ...pace, sinceLine: none });

const rate = ({ tokens, seconds }: Throughput): number => (seconds > 0 ? tokens / seconds : 0);

/** Tokens per second since the last metric line. */
export const lineRate = ({ sinceLine }: Pace): number => rate(sinceLine);

/** Tokens per second of this process, without its first step if there are others. */
export const processRate = ({ first = none, sinceFirst }: Pace): number => rate(sinceFirst.seconds > 0 ? sinceFirst : first);

/**
 * Mean of the recent steps, without those that took ten times as long as half of them: they compiled, or the machine slept.
 * @returns undefined before the second step
 */
export function secondsPerStep({ recent }: Pace): number | undefined {
  const median = [...recent].sort((a, b) => a - b)[recent.length >> 1];
  if (median === undefined) return undefined;
  const usual = recent.filter((seconds) => seconds <= 10 * median);
  return usual.reduce((sum, seconds) => sum + seconds, 0) / usual.length;
}
