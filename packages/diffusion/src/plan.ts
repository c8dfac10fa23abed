import { DiffusionError } from './error.js';

/** Share of `total` masks left at progress u ∈ [0, 1]; constant leaves the same share of the remainder after each step. */
export const maskSchedules = {
  linear: (u: number) => 1 - u,
  cosine: (u: number) => Math.cos((Math.PI / 2) * u),
  constant: (u: number, total: number) => total ** -u,
} as const;

export type MaskScheduleName = keyof typeof maskSchedules;

/** Share of the masks left after step `step` of `of`: none after the last. Throws `MDIFF_SAMPLING` for an unknown schedule. */
export function shareLeft(schedule: MaskScheduleName, step: number, of: number, total: number): number {
  if (!Object.hasOwn(maskSchedules, schedule)) {
    throw new DiffusionError('MDIFF_SAMPLING', `mask schedule: expected one of ${Object.keys(maskSchedules).join(', ')}, got "${schedule}"`);
  }
  return step >= of ? 0 : maskSchedules[schedule](step / of, total);
}

/**
 * Masks left after each step: ⌊masks·m(k/n)⌋ after step k, none after the last, and at least one fewer each time, so that it may end
 * early. n is clamped to the number of masks.
 */
export function unmaskPlan(masks: number, numSteps: number, schedule: MaskScheduleName): number[] {
  const n = Math.min(numSteps, masks);
  const plan: number[] = [];
  for (let k = 1, left = masks; left > 0; k++) {
    // 10⁻⁹: a whole number that rounding has pushed just below itself stays whole
    left = Math.max(0, Math.min(left - 1, Math.floor(masks * shareLeft(schedule, k, n, masks) + 1e-9)));
    plan.push(left);
  }
  return plan;
}

export interface Block {
  /** masked positions, ascending */
  positions: number[];
  /** steps it gets */
  steps: number;
}

/**
 * Cuts the masked positions (ascending) into blocks that cover `blockLength` canvas positions from a mask on. Of b blocks each gets
 * ⌊numSteps/b⌋ steps, the first numSteps mod b one more. Neighbours are joined where there would be more blocks than steps.
 */
export function splitBlocks(positions: readonly number[], blockLength: number | null, numSteps: number): Block[] {
  const cut: number[][] = [];
  let end = -1;
  for (const position of positions) {
    if (position >= end) {
      cut.push([]);
      end = position + (blockLength ?? Infinity);
    }
    cut.at(-1)!.push(position);
  }
  const count = Math.min(cut.length, numSteps);
  const joined = Array.from({ length: count }, (): number[] => []);
  cut.forEach((block, i) => joined[Math.floor((i * count) / cut.length)]!.push(...block));
  return joined.map((block, i) => ({ positions: block, steps: Math.floor(numSteps / count) + (i < numSteps % count ? 1 : 0) }));
}
