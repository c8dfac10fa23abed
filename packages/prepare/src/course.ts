import { blendAt } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';

/** Steps from `from` to `to` of the run (exclusive) with the same stage, masking rates and share of rows. */
export interface Stretch {
  from: number;
  to: number;
  stage: number;
  /** share of the rows that come from this stage, not from the one before */
  weight: number;
  range: readonly [number, number];
}

/** The masking rates of the stages over the steps of a run. */
export function stretchesOf(config: ProjectConfig, steps: readonly number[]): Stretch[] {
  const stretches: Stretch[] = [];
  let first = 0;
  for (const [stage, count] of steps.entries()) {
    // A run may have millions of steps; a picture shows no more than this.
    const parts = Math.min(count, 1000);
    for (let part = 0; part < parts; part++) {
      const [from, to] = [first + Math.floor((part * count) / parts), first + Math.floor(((part + 1) * count) / parts)];
      const { weight, range } = blendAt(config, steps, from);
      const last = stretches.at(-1);
      if (last?.stage === stage && last.weight === weight && last.range[0] === range[0] && last.range[1] === range[1]) last.to = to;
      else stretches.push({ from, to, stage, weight, range });
    }
    first += count;
  }
  return stretches;
}

const PARTS = 100;

/** Mean complexity in equal parts of the text; NaN where a part has no scored sentence. */
export function courseOf(complexity: Float64Array): Float64Array {
  const parts = Math.min(PARTS, complexity.length);
  const sums = new Float64Array(parts);
  const counts = new Float64Array(parts);
  complexity.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const part = Math.floor((i * parts) / complexity.length);
    sums[part]! += value;
    counts[part]! += 1;
  });
  return sums.map((sum, part) => sum / counts[part]!);
}
