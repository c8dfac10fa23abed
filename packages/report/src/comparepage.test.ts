import { describe, expect, it } from 'vitest';
import { comparePage, type CompareRow } from './comparepage.js';

const row = (arm: string, seeds: number[], rest: Partial<CompareRow> = {}): CompareRow => ({
  arm,
  start: 'scratch',
  about: 'masks <b>',
  by: 'nelbo',
  seeds,
  mean: seeds.reduce((sum, value) => sum + value, 0) / seeds.length,
  sd: seeds.length > 1 ? 0.012 : NaN,
  steps: 100,
  tokens: 102_400,
  ...rest,
});

describe('comparePage', () => {
  const record = { text: 'book <1>.txt', units: 40, bytes: 9000, finished: true, failed: [], yaml: 'seed: 1\n' };

  it('shows each arm with its seeds, difference and budget, and loads nothing', () => {
    const difference = { difference: -0.05, low: -0.06, high: -0.04 };
    const rows = [row('full', [2.5, 2.52]), row('autoregressive', [2.45], { by: 'next_token', difference })];
    const page = comparePage({ ...record, rows });
    expect(page).toContain('<h1>book &lt;1&gt;.txt: comparison of training recipes</h1>');
    expect(page).toContain('<td>2.510 ± 0.012</td>');
    expect(page).toContain('<td>2.450 *</td><td>−0.050 (−0.060 to −0.040)</td>');
    expect(page).toContain('is its exact likelihood');
    expect(page).not.toContain('without an interval');
    const other = comparePage({ ...record, rows: [row('full', [2.5, 2.52]), row('half-vocabulary', [2.75, 2.77])] });
    expect(other).toContain('<td>2.760 ± 0.012</td><td>+0.250</td>');
    expect(other).toContain('A difference without an interval is that of the means');
    expect(page.match(/<circle/g)).toHaveLength(3);
    expect(page).not.toMatch(/(src|href)=|@import|NaN/);
    expect(page).not.toContain('not finished');
  });

  it('says what is missing', () => {
    const page = comparePage({ ...record, rows: [], finished: false, failed: [{ run: 'full-seed-1', failed: 'not finite' }] });
    expect(page).toContain('some runs are missing');
    expect(page).toContain('No run has ended yet');
    expect(page).not.toContain('<table');
    expect(page).toContain('full-seed-1 failed: not finite');
  });
});
