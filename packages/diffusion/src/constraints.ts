import { DiffusionError } from './error.js';
import type { SamplingOptions } from './options.js';

/** Ids that a masked position may take: only those of `allow` (one id forces it), and none of `forbid`. Absent = no limit. */
export interface TokenSet {
  allow?: Int32Array;
  forbid?: Int32Array;
}

/** Token sets by canvas index. Positions without an entry, and positions that are not masked, are free. */
export type Constraints = ReadonlyMap<number, TokenSet>;

type Ends = Pick<SamplingOptions, 'eosId' | 'minLength' | 'textStart'>;

/** Canvas index before which the end of text is not committed: that of `minLength`, and that of the last position with an `allow` set. */
export function earliestEnd(constraints: Constraints | undefined, { minLength, textStart }: Ends): number {
  let earliest = textStart + minLength;
  if (constraints === undefined) return earliest;
  for (const [position, { allow }] of constraints) if (allow !== undefined) earliest = Math.max(earliest, position);
  return earliest;
}

/** Throws `MDIFF_SAMPLING` for a masked position that no token can take. */
export function checkConstraints(
  constraints: Constraints | undefined,
  { canvas, maskId, options }: { canvas: Int32Array; maskId: number; options: SamplingOptions },
): void {
  const earliest = earliestEnd(constraints, options);
  for (const [position, { allow, forbid }] of constraints ?? []) {
    if (allow === undefined || canvas[position] !== maskId) continue;
    const banned = new Set([maskId, ...options.forbidden, ...(forbid ?? [])]);
    if (options.eosId !== null && position < earliest) banned.add(options.eosId);
    if (allow.every((id) => banned.has(id))) {
      throw new DiffusionError(
        'MDIFF_SAMPLING',
        `constraints of position ${position}: no token is left; allow an id that is neither forbidden, nor the mask, nor an end of text too early`,
      );
    }
  }
}
