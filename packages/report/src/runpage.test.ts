import { describe, expect, it } from 'vitest';
import { plot, ticks } from './plot.js';
import { runPage } from './runpage.js';
import type { RunPageRecord, RunPoint } from './runrecords.js';

const point = (step: number, more: Partial<RunPoint> = {}): RunPoint => ({
  step,
  stage: step <= 10 ? 'easy' : 'all',
  objective: step <= 5 ? 'causal' : 'diffusion',
  loss: 6 - step / 10,
  rate: 0.001,
  gradNorm: 1,
  tokensPerSecond: 2000,
  ...more,
});
const evaluated = (step: number, bits: number): RunPoint =>
  point(step, { bitsPerByte: bits, nelbo: 2 * bits, nelboError: 0.01, byRatio: [null, 3, 4, 5, 5, 5, 5, 5, 5, 5] });
const record: RunPageRecord = {
  name: 'tale',
  text: 'A <b>Tale</b>',
  state: 'finished',
  step: 20,
  steps: 20,
  stages: [
    { name: 'easy', steps: 10 },
    { name: 'all', steps: 10 },
  ],
  points: [point(5), evaluated(10, 3), point(15), evaluated(20, 2.5)],
  samples: [{ step: 10, prompt: 'The sea', text: 'The sea & <script>' }],
  notices: ['Early stopping left 3 steps of the plan out.'],
  figures: [['held-out bits/byte', '2.500']],
  fingerprint: [['text', 'A <b>Tale</b>']],
  changed: [['seed', '7']],
  configuration: [
    ['seed', '7'],
    ['device', 'cpu'],
  ],
};

describe('the page of a run', () => {
  it('shows a figure that is no number as a dash', () => {
    const page = runPage({ ...record, points: [{ ...evaluated(10, 3), loss: NaN, nelboError: NaN }] });
    expect(page).toContain('<td>6.000</td><td>–</td><td>3.000</td>');
    expect(page).not.toContain('NaN');
  });

  const page = runPage(record);

  it('shows learning curves by stage, loss by mask ratio, rate, speed, samples, configuration and fingerprint', () => {
    for (const label of [
      'Held-out bits per byte over the steps',
      'Training loss over the steps, by stage',
      'Held-out loss by mask ratio',
      'Learning rate over the steps',
      'Tokens per second over the steps',
    ])
      expect(page).toContain(`aria-label="${label}"`);
    for (const text of ['What it wrote', 'Step 10', 'All 2 keys', 'finished after 20 steps', 'left 3 steps']) expect(page).toContain(text);
    expect(page).toContain('<title>easy, next token</title>');
  });

  it('draws the last evaluation by the one mask of each unit that the others have', () => {
    const page = runPage({ ...record, points: [evaluated(10, 3), { ...evaluated(20, 2.5), briefBitsPerByte: 2.75 }] });
    expect(page).toContain('held-out NELBO: 2.75<');
    expect(page).not.toContain('held-out NELBO: 2.5<');
    expect(page).toContain('has four masks of each unit instead of one');
    expect(runPage(record)).not.toContain('four masks');
  });

  it('is one file that loads nothing, runs nothing and escapes every text', () => {
    expect(page).not.toMatch(/(?:src|href)=|url\(|@import|<script/);
    expect(page).toContain('A &lt;b&gt;Tale&lt;/b&gt;');
    expect(page).not.toContain('NaN');
    expect(runPage(record, 'let x = 1;')).toContain('<script>let x = 1;</script>');
  });

  it('says so where nothing is logged yet, and shows a run of one step', () => {
    expect(runPage({ ...record, points: [], samples: [] })).toContain('No step has been logged yet');
    expect(runPage({ ...record, points: [evaluated(1, 3)] })).not.toContain('NaN');
  });
});

describe('a plot', () => {
  it('has about five round numbers on an axis', () => {
    expect(ticks(0, 1)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(ticks(2.4, 3.1)).toEqual([2.4, 2.6, 2.8, 3]);
    expect(ticks(0, 900)).toEqual([0, 250, 500, 750]);
  });

  it('leaves a gap where a value is no number, and is none without a point', () => {
    const axes = { label: 'l', x: 'x', y: 'y' };
    const { text } = plot(
      [
        {
          name: 'a',
          points: [
            [0, 1],
            [1, NaN],
            [2, 3],
            [3, 4],
          ],
        },
      ],
      axes,
    )!;
    expect(/class="line" d="([^"]*)"/.exec(text)![1]!.match(/M/g)).toHaveLength(2);
    expect(plot([{ name: 'a', points: [[0, NaN]] }], axes)).toBeUndefined();
  });

  it('has the values of few dots beside them, inside the picture', () => {
    const axes = { label: 'l', x: 'x', y: 'y' };
    const values = (count: number): string[] => {
      const points = Array.from({ length: count }, (_, i) => [i, 10 + i / 8] as const);
      return [...plot([{ name: 'a', points, dots: true }], axes)!.text.matchAll(/class="figure"[^>]* text-anchor="(\w+)">([^<]*)</g)].map(
        ([, anchor, value]) => `${anchor} ${value}`,
      );
    };
    expect(values(3)).toEqual(['start 10', 'middle 10.13', 'end 10.25']);
    expect(values(4)).toEqual([]);
  });
});
