import type { EvaluationResult } from '@mdiff/diffusion';

/** The bound of one text under one model, or the difference of two. */
export interface Estimate {
  /** nats of the whole text */
  readonly nats: number;
  /**
   * Standard error of `nats` over the draw of the masks: another seed moves the figure by about this much. The text is fixed, so that texts do not count as
   * a sample, as they do in the error that training reports. NaN where there are too few masks.
   */
  readonly error: number;
}

/**
 * Sums the units' means of weight·CE; `levels` masks of each unit, unit after unit. The cross-entropy rises with the mask ratio t, and the ratios of a unit
 * are stratified: so the error is that of the residuals of one straight line in t through all units, each with a level of its own.
 */
export function estimate(results: readonly EvaluationResult[], levels: number): Estimate {
  const units = results.length / levels;
  let nats = 0;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let first = 0; first < results.length; first += levels) {
    const masks = results.slice(first, first + levels);
    const y = masks.map(({ weight, crossEntropy }) => weight * crossEntropy);
    const x = masks.map(({ t, maskable }) => t * maskable);
    const [meanX, meanY] = [mean(x), mean(y)];
    nats += meanY;
    for (const i of masks.keys()) {
      const [dx, dy] = [x[i]! - meanX, y[i]! - meanY];
      xx += dx * dx;
      xy += dx * dy;
      yy += dy * dy;
    }
  }
  const freedom = units * (levels - 1) - 1;
  const residual = Math.max(0, xx > 0 ? yy - (xy * xy) / xx : yy);
  return { nats, error: freedom > 0 ? Math.sqrt((units * residual) / (freedom * levels)) : NaN };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
