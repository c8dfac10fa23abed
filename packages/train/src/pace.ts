// How fast a run is. Pure: each function returns a new pace.

interface Throughput {
  tokens: number;
  seconds: number;
}

export interface Pace {
  /** since the last metric line */
  sinceLine: Throughput;
  /** since this process began the run */
  sinceStart: Throughput;
  /** smoothed; 0 before the first step */
  secondsPerStep: number;
}

const none: Throughput = { tokens: 0, seconds: 0 };
export const startingPace: Pace = { sinceLine: none, sinceStart: none, secondsPerStep: 0 };

export function paceAfterStep({ sinceLine, sinceStart, secondsPerStep }: Pace, tokens: number, seconds: number): Pace {
  const add = (sum: Throughput): Throughput => ({ tokens: sum.tokens + tokens, seconds: sum.seconds + seconds });
  return {
    sinceLine: add(sinceLine),
    sinceStart: add(sinceStart),
    secondsPerStep: secondsPerStep === 0 ? seconds : 0.9 * secondsPerStep + 0.1 * seconds,
  };
}

export const paceAfterLine = (pace: Pace): Pace => ({ ...pace, sinceLine: none });

export const tokensPerSecond = ({ tokens, seconds }: Throughput): number => (seconds > 0 ? tokens / seconds : 0);
