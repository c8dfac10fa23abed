import { describe, expect, it } from 'vitest';
import { histogram, signed } from './chart.js';
import { textPage } from './page.js';
import type { StageRecord, TextRecord } from './records.js';

const stage: StageRecord = {
  name: 'foundation',
  format: 'sentences',
  selection: 'easy',
  range: [0.3, 0.7],
  epochs: 2,
  steps: 5,
  complexity: Float64Array.of(0.1, 0.4, 0.9),
  selected: { complexity: Float64Array.of(0.1), tokens: Int32Array.of(7) },
  rows: 1,
  padded: 0.25,
  examples: [
    {
      pieces: [
        { text: 'A <b> & ', hidden: false },
        { text: 'whale', hidden: true },
      ],
      tokens: 7,
      complexity: 0.1,
      rate: 0.5,
    },
  ],
};
const record: TextRecord = {
  source: 'a "quoted" <source>',
  titles: ['<i>Moby</i>'],
  documents: { train: 3, heldOut: 1 },
  vocabulary: { size: 400, from: 'bpe' },
  tokens: 1234,
  bytes: 2468,
  length: 64,
  thresholds: { easy: 33, hard: 66 },
  fullRangeFraction: 0,
  stages: [stage],
  stretches: [{ from: 0, to: 5, stage: 0, weight: 1, range: [0.3, 0.7] }],
  survey: {
    texts: ['One <script> of five words.'],
    lengths: Float64Array.of(5),
    complexity: Float64Array.of(0.5),
    ranks: { lexical: Float64Array.of(0.5) },
    measures: [{ name: 'rarity', signal: 'lexical', values: [0.5] }],
    clusters: [],
    clustered: 0,
    scores: {
      report: {
        sentences: 9,
        scored: 1,
        mean_words: 5,
        weights: { lexical: 1, syntactic: 0, centrality: 0 },
        seed: 1,
        versions: {},
        readability_metrics: [],
        length_correlation: {},
      },
    },
  },
  correlations: { names: ['rarity'], matrix: Float64Array.of(1) },
  course: Float64Array.of(0.5, NaN),
  notices: ['5 < 6'],
};

describe('the page of a text', () => {
  it('escapes every text that it is given', () => {
    const page = textPage(record);
    for (const escaped of [
      'a &quot;quoted&quot; &lt;source&gt;',
      '&lt;i&gt;Moby&lt;/i&gt;',
      'A &lt;b&gt; &amp; <span class="hidden">whale</span>',
      'One &lt;script&gt; of',
      '5 &lt; 6',
    ])
      expect(page).toContain(escaped);
    expect(page).not.toMatch(/<script|<i>|<b>/);
    expect(textPage(record)).toBe(page);
  });

  it('counts what its records have', () => {
    const page = textPage(record);
    for (const text of [
      'the easiest 33 % of 3 sentences',
      '30\u00a0% to 70\u00a0% of each hidden',
      '3 + 1 held out',
      '1,234',
      '2.00',
      '25.0\u00a0%',
      'By lexical alone',
    ])
      expect(page).toContain(text);
    expect(page).not.toContain('By syntactic alone');
  });

  it('says when a stage has no units, and when nothing is scored', () => {
    const none = { complexity: new Float64Array(0), tokens: new Int32Array(0) };
    const page = textPage({
      ...record,
      stages: [{ ...stage, selected: none, steps: undefined, examples: [] }],
      stretches: [],
      survey: { ...record.survey, texts: [] },
    });
    expect(page).toContain('a run would refuse these stages');
    expect(page).toContain('nothing is scored');
    expect(page).not.toContain('Correlations');
  });
});

describe('charts', () => {
  it('count every value in some bar, those beyond the axis too', () => {
    const bars = [
      ...histogram([-5, 0.1, 0.1, 0.9, 7], { label: 'values', range: [0, 1], bins: 10 }).text.matchAll(/: (\d+)<\/title>/g),
    ].map(([, count]) => Number(count));
    expect(bars).toEqual([1, 2, 2]);
  });

  it('write correlations with a true minus and no zero below zero', () => {
    expect([-0.5, -0.001, 0.25].map(signed)).toEqual(['−0.50', '0.00', '0.25']);
  });
});
