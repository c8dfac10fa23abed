import { expect, it } from 'vitest';
import { summarise, tableOf } from './summary.js';
import type { Turn } from './summary.js';

/** Two rounds; in the second the machine is half as fast. */
const turns: Turn[] = [1, 2].flatMap((slow, round): Turn[] => [
  { round, link: 1, passes: 4, kind: 'one', ms: 100 * slow, cpu_ms: 90 },
  { round, link: 1, passes: 4, kind: 'both', ms: 110 * slow, cpu_ms: 95 },
  { round, link: 1, passes: 4, kind: 'ranks', exchange: 'float32', ms: 125 * slow, cpu_ms: 100 },
  { round, link: 1, passes: 1, kind: 'exchange', exchange: 'float32', numbers: 10, ms: 3 * slow, cpu_ms: 1 },
]);

it('takes ratios within a round, so that a slow machine changes none', () => {
  const { rows, exchange } = summarise({ name: 'ours' }, turns, { tokens: 1000 });
  expect(rows).toEqual([
    {
      ...{ engine: 'ours', link_gbit: 1, passes: 4, exchange: 'float32', step_ms: 187.5, tokens_per_s: 42667, one_tokens_per_s: 26667 },
      ...{ speedup: 1.6, efficiency: 0.88, cpu_ms: 100, one_cpu_ms: 90 },
    },
  ]);
  expect(exchange).toEqual([{ link_gbit: 1, exchange: 'float32', numbers: 10, ms: 4.5, cpu_ms: 1 }]);
});

it('names the link and the ratios in its table', () => {
  const { rows } = summarise({ name: 'ours' }, turns, { tokens: 1000 });
  expect(tableOf([{ ...rows[0]!, link_gbit: 0 }, ...rows])).toMatch(
    /^engine .*\nours +unshaped +4 +float32 .* 1\.60 +0\.88 .*\nours +1 Gb\/s /,
  );
});
