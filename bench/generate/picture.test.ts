import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { best, frontierPicture, frontierTable, type FrontierRow } from './picture.js';

const row = (name: string, rate: number, judged: number, distinct = 0.9): FrontierRow => ({
  name,
  batch: 1,
  rate,
  processor: 2,
  nfe: 1,
  judged,
  distinct,
});
const rows = [row('slow & good', 10, 4), row('beaten', 9, 5), row('fast', 100, 5), row('repeats', 50, 2, 0.3)];

it('the frontier holds what no varied row beats in speed and cost', () => {
  expect(best(rows).map(({ name }) => name)).toEqual(['slow & good', 'fast']);
  expect(frontierTable(rows)).toContain('| 4 | repeats | 1 | 50.0 | 2.0 | 1 | 2.00 | 0.30 | repeats |');
  const svg = frontierPicture(rows);
  // Each row once, and a legend for their kind.
  expect(svg.match(/<circle class="k\d"/g)).toHaveLength(3 + 1);
  expect(svg.match(/<circle class="k\d hollow"/g)).toHaveLength(1);
  expect(svg).toContain('slow &#38; good');
  expect(svg).not.toContain('NaN');
});

it('the guide to samplers shows the table and the picture of the figures that were measured', () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const { frontier } = JSON.parse(read('bench/results/generate.json')) as { frontier: { rows: FrontierRow[] } };
  expect(read('docs/guides/samplers.md')).toContain(frontierTable(frontier.rows));
  expect(read('docs/generation-frontier.svg')).toBe(frontierPicture(frontier.rows));
});
