import { stream } from '@mdiff/diffusion';

export interface Difference {
  /** bits per byte; negative where the first is better */
  difference: number;
  /** 95 % interval over the held-out units */
  low: number;
  high: number;
}

/**
 * Paired bootstrap (Efron and Tibshirani, 1993) of the difference in bits per byte of two lists of nats for the same units: units are drawn with
 * replacement, as often as there are units.
 */
export function pairedBootstrap(
  one: readonly number[],
  other: readonly number[],
  { bytes, seed, draws = 2000 }: { bytes: number; seed: number; draws?: number },
): Difference {
  const n = one.length;
  const nats = one.map((value, i) => value - other[i]!);
  const bits = (sum: number): number => sum / bytes / Math.LN2;
  const rng = stream(seed, 'bootstrap');
  const sums = Array.from({ length: draws }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += nats[rng.int(n)]!;
    return bits(sum);
  }).sort((a, b) => a - b);
  const at = (share: number): number => sums[Math.min(draws - 1, Math.floor(share * draws))]!;
  return { difference: bits(nats.reduce((sum, value) => sum + value, 0)), low: at(0.025), high: at(0.975) };
}

/** Mean and sample standard deviation; NaN for one value. */
export function meanSd(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : NaN };
}
