import { DiffusionError } from './error.js';

/**
 * A noise schedule of absorbing-state diffusion. A token is still unmasked at time t ∈ [0, 1] with probability α(t), which falls from 1.
 * The continuous-time NELBO weighs the cross-entropy of the masked tokens by −α′(t)/(1 − α(t)) (MDLM, arXiv 2406.07524, eq. 10).
 */
export interface NoiseSchedule {
  name: string;
  /** α(t), the chance that a token is unmasked at time t */
  alpha(t: number): number;
  /** −α′(t)/(1 − α(t)), in nats per unit of time, for t > 0 */
  weight(t: number): number;
  /** the time t at which α(t) = alpha */
  inverse(alpha: number): number;
}

/** α = 1 − t: the mask ratio is the time itself (MDLM appendix E.1). */
export const logLinear: NoiseSchedule = {
  name: 'log_linear',
  alpha: (t) => 1 - t,
  weight: (t) => 1 / t,
  inverse: (alpha) => 1 - alpha,
};

// MDLM's code uses the same: e⁻¹⁰ of the tokens are still unmasked at t = 1, so the bound is loose by about that share of a token's entropy
const SIGMA_MAX = 10;

/** Total noise σ(t) = −ln α(t) linear in t, with σ(1) = 10 (MDLM appendix E.1). */
export const linear: NoiseSchedule = {
  name: 'linear',
  alpha: (t) => Math.exp(-SIGMA_MAX * t),
  weight: (t) => SIGMA_MAX / Math.expm1(SIGMA_MAX * t),
  inverse: (alpha) => -Math.log(alpha) / SIGMA_MAX,
};

/** α = cos(πt/2): masks slowly at first (MDLM appendix E.1, without its ε). */
export const cosine: NoiseSchedule = {
  name: 'cosine',
  alpha: (t) => Math.cos((Math.PI / 2) * t),
  // sin x / (1 − cos x) = cot(x/2), which loses no digits at small t
  weight: (t) => Math.PI / 2 / Math.tan((Math.PI / 4) * t),
  inverse: (alpha) => (2 / Math.PI) * Math.acos(alpha),
};

export const noiseSchedules = { log_linear: logLinear, linear, cosine } as const;

/** Looks a schedule up by name; throws `MDIFF_DIFFUSION` for a name that is not in the table. */
export function noiseSchedule(name: string): NoiseSchedule {
  if (Object.hasOwn(noiseSchedules, name)) return noiseSchedules[name as keyof typeof noiseSchedules];
  throw new DiffusionError('MDIFF_DIFFUSION', `noise schedule: expected one of ${Object.keys(noiseSchedules).join(', ')}, got "${name}"`);
}
