import { DiffusionError } from './error.js';

/** Share of `total` masks left at progress u ∈ [0, 1]; constant leaves the same share of the remainder after each step. */
export const scheduleCurves = {
  linear: (u: number) => 1 - u,
  cosine: (u: number) => Math.cos((Math.PI / 2) * u),
  constant: (u: number, total: number) => total ** -u,
} as const;

export type ScheduleName = keyof typeof scheduleCurves;

/** Share of the masks left after step `step` of `of`: none after the last. Throws `MDIFF_SAMPLING` for an unknown schedule. */
export function shareLeft(name: ScheduleName, { step, of, total }: { step: number; of: number; total: number }): number {
  if (!Object.hasOwn(scheduleCurves, name)) {
    throw new DiffusionError('MDIFF_SAMPLING', `schedule: expected one of ${Object.keys(scheduleCurves).join(', ')}, got "${name}"`);
  }
  return step >= of ? 0 : scheduleCurves[name](step / of, total);
}

/**
 * The schedule of samplers that commit at least one token a step: masks left after each step, ⌊masks·m(k/n)⌋ after step k and none after
 * the last. Each number is at least one below the one before it, so there may be fewer than n steps. n is clamped to the number of masks.
 */
export function strictSchedule(masks: number, numSteps: number, name: ScheduleName): number[] {
  const n = Math.min(numSteps, masks);
  const schedule: number[] = [];
  for (let k = 1, left = masks; left > 0; k++) {
    left = Math.max(0, Math.min(left - 1, expectedLeft(masks, { step: k, of: n, name })));
    schedule.push(left);
  }
  return schedule;
}

/** Masks left after step `step` of `of` when a step may commit none. */
export function expectedLeft(masks: number, { step, of, name }: { step: number; of: number; name: ScheduleName }): number {
  // 10⁻⁹: a whole number that rounding has pushed just below itself stays whole
  return Math.floor(masks * shareLeft(name, { step, of, total: masks }) + 1e-9);
}
