import { mustBe } from '@mdiff/arguments';

export type LossWeighting = 'elbo' | 'uniform';

export interface WeighedUnit {
  /** maskable tokens, masked or not */
  length: number;
  /** tokens masked in this step */
  masked: number;
  /** elbo weight from `maskUnit` */
  weight: number;
  /** from `drawRates` */
  importance: number;
}

/**
 * The weight of every masked token's cross-entropy, one number per unit (all masked tokens of a unit share theirs), normalised once over
 * all units of an optimiser step so that the step's loss is Σ weight·CE, in nats per token.
 *
 * elbo: Σ importance·weight·CE ÷ all maskable tokens (MDLM, arXiv 2406.07524, section 3 per token); a likelihood bound in expectation only
 * if the rates cover (0, 1]. uniform: the importance-weighted mean CE over masked tokens, not a bound. With nothing masked all weights are 0.
 */
export function lossWeights(options: { weighting: LossWeighting; units: readonly WeighedUnit[] }): Float64Array {
  mustBe('lossWeights', 'options', options, 'object');
  const { weighting, units } = options;
  const raw = Float64Array.from(units, (unit) => (weighting === 'elbo' ? unit.weight : 1) * unit.importance);
  const total = units.reduce((sum, unit, i) => sum + (weighting === 'elbo' ? unit.length : unit.masked * raw[i]!), 0);
  return raw.map((weight) => (total > 0 ? weight / total : 0));
}
