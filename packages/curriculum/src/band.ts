import { mustBe } from '@mdiff/arguments';
import type { CurriculumConfig, StageConfig } from '@mdiff/config';

import type { Unit } from './units.js';

/**
 * Selects the units of a stage. Units sorted by (complexity, id) have percentile 100·r/n at 0-based place r of n; easy: p < easy_threshold, medium:
 * easy ≤ p < hard, hard: p ≥ hard_threshold, all: no filter (docs/configuration-specification.md, section 4.5). The result keeps the order of `units`.
 *
 * @param complexity one number per unit, in the order of `units`; high is hard
 */
export function selectUnits(
  units: readonly Unit[],
  complexity: ArrayLike<number>,
  selection: StageConfig['data_selection'],
  options: Pick<CurriculumConfig, 'easy_threshold' | 'hard_threshold'>,
): Unit[] {
  mustBe('selectUnits', 'units', units, 'list');
  mustBe('selectUnits', 'complexity', complexity, 'object');
  mustBe('selectUnits', 'selection', selection, 'string');
  mustBe('selectUnits', 'options', options, 'object');
  const { easy_threshold: easy, hard_threshold: hard } = options;
  if (complexity.length !== units.length)
    throw new RangeError(`expected one complexity per unit (${units.length}), got ${complexity.length}`);
  if (selection === 'all') return [...units];
  const order = Array.from(units.keys()).sort((a, b) => complexity[a]! - complexity[b]! || units[a]!.id - units[b]!.id);
  const percentile = new Float64Array(units.length);
  order.forEach((index, place) => (percentile[index] = (100 * place) / units.length));
  const inBand = { easy: (p: number) => p < easy, medium: (p: number) => p >= easy && p < hard, hard: (p: number) => p >= hard }[selection];
  return units.filter((_, i) => inBand(percentile[i]!));
}
