import { DiffusionError } from './error.js';

/** Share m(u) of `total` masks left at progress u ∈ [0, 1]; constant leaves the same share of the remainder after each step. */
export const scheduleCurves = {
  linear: (u: number) => 1 - u,
  cosine: (u: number) => Math.cos((Math.PI / 2) * u),
  constant: (u: number, total: number) => total ** -u,
} as const;

export type ScheduleName = keyof typeof scheduleCurves;

function curve(name: ScheduleName): (u: number, total: number) => number {
  if (Object.hasOwn(scheduleCurves, name)) return scheduleCurves[name];
  throw new DiffusionError('MDIFF_SAMPLING', `schedule: expected one of ${Object.keys(scheduleCurves).join(', ')}, got "${name}"`);
}

/**
 * Share of the masks that a sampler which may commit none in a step expects to have left after step `step` of `of`; none after the last.
 * It falls to 0 without a jump, (m(u) − m(1))/(1 − m(1)): constant alone ends at 1/total, and the last step would unmask that share at once,
 * however many steps there are. Throws `MDIFF_SAMPLING` for an unknown schedule.
 */
export function shareLeft(name: ScheduleName, { step, of, total }: { step: number; of: number; total: number }): number {
  const named = curve(name);
  if (step >= of) return 0;
  // One mask: constant would stay at 1.
  const m = total === 1 ? scheduleCurves.linear : named;
  const end = m(1, total);
  return (m(step / of, total) - end) / (1 - end);
}

/**
 * The schedule of samplers that commit at least one token a step: masks left after each step, ⌊masks·m(k/n)⌋ after step k and none after
 * the last. Each number is at least one below the one before it, so there may be fewer than n steps. n is clamped to the number of masks.
 */
export function strictSchedule(masks: number, numSteps: number, name: ScheduleName): number[] {
  const m = curve(name);
  const n = Math.min(numSteps, masks);
  const schedule: number[] = [];
  for (let k = 1, left = masks; left > 0; k++) {
    left = k === n ? 0 : Math.max(0, Math.min(left - 1, whole(masks * m(k / n, masks))));
    schedule.push(left);
  }
  return schedule;
}

/** Masks left after each of `numSteps` steps of a sampler that may commit none in a step. */
export function expectedSchedule(masks: number, numSteps: number, name: ScheduleName): number[] {
  return Array.from({ length: numSteps }, (_, k) => whole(masks * shareLeft(name, { step: k + 1, of: numSteps, total: masks })));
}

/** 10⁻⁹: a whole number that rounding has pushed just below itself stays whole. */
const whole = (masks: number): number => Math.floor(masks + 1e-9);
