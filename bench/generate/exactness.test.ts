import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { noise, strategies, tableOf, type Exactness } from './exactness.js';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const { draws, rows } = (JSON.parse(read('../results/generate.json')) as { exactness: { draws: number; rows: Exactness[] } }).exactness;

it('packages/diffusion/README.md shows the figures that were measured', () => {
  expect(rows.map(({ name }) => name)).toEqual(strategies.map(({ name }) => name));
  const page = read('../../packages/diffusion/README.md');
  expect(page).toContain(tableOf(rows, draws));
  expect(page).toContain(`${draws.toLocaleString('en')} draws`);
  expect(page).toContain(`${noise(draws).mean.toFixed(4)}`);
});
