import { stream } from '@mdiff/diffusion';
import { describe, expect, it } from 'vitest';

import { centreDistances, clusterSample, fitCentres, nearestCentres, rowsOf } from './signals/cluster.js';
import { parseFeatures } from './signals/parse.js';
import { tfidfSvd } from './signals/tfidf.js';
import type { ScoreOptions } from './signals/work.js';
import { correlations, surveySentences } from './survey.js';

const sea = [
  'The ship sailed on the calm sea.',
  'The sea carried the ship far away.',
  'A ship on the sea meets a storm.',
  'The storm drove the ship over the sea.',
];
const meal = [
  'We had warm bread and cheese today.',
  'The cheese and the bread were warm.',
  'She cut the bread and ate cheese.',
  'Bread and cheese make a good meal.',
];
const sentences = [...sea, 'Too short.', ...meal, sea[0]!];
const options: ScoreOptions = {
  curriculum: { lexical_weight: 0.3, syntactic_weight: 0.3, centrality_weight: 0.4, n_clusters: 2 },
  data: { idf_corpus_size: 100, readability_metrics: ['flesch', 'coleman_liau'] },
  seed: 3,
  embedder: tfidfSvd({ seed: 3 }),
  parse: parseFeatures,
};

describe('surveySentences', () => {
  it('keeps each scored sentence once, with everything that was measured in it', async () => {
    const survey = await surveySentences(sentences, options);
    expect(survey.texts).toEqual([...sea, ...meal]);
    expect(Array.from(survey.lengths)).toEqual([7, 7, 8, 8, 7, 7, 7, 7]);
    expect(Array.from(survey.complexity)).toEqual(survey.texts.map((text) => survey.scores.complexity[sentences.indexOf(text)]));
    expect(survey.measures.map(({ name }) => name)).toEqual([
      'rarity of words',
      'clauses',
      'verb phrases',
      'subordination',
      'noun-phrase length',
      'Flesch reading ease (high = easy)',
      'Coleman–Liau index',
      'distance from centre',
    ]);
    for (const { values } of survey.measures) expect(values).toHaveLength(8);
    expect(await surveySentences(sentences, options)).toEqual(survey);
  });

  it('puts like sentences into a cluster and names its words', async () => {
    const { clusters, map, texts } = await surveySentences(sentences, options);
    expect(clusters.map(({ size }) => size)).toEqual([4, 4]);
    for (const { central, words } of clusters) {
      const own = central.map((i) => texts[i]!).sort();
      expect([sea, meal].map((topic) => [...topic].sort())).toContainEqual(own);
      expect(words).toContain(sea.includes(own[0]!) ? 'ship' : 'bread');
    }
    expect(map!.sentences).toHaveLength(8);
    expect(map!.variance).toBeGreaterThan(0);
    // Rounding only.
    expect(map!.variance).toBeLessThanOrEqual(1 + 1e-6);
  });

  it('names no cluster by a function word, however telling it is', async () => {
    const ours = sea.map((text) => `Our crew had been told: ${text.toLowerCase()}`);
    const { clusters } = await surveySentences([...ours, ...meal], options);
    const words = clusters.flatMap((cluster) => cluster.words);
    expect(words).toContain('crew');
    for (const word of ['our', 'been', 'had']) expect(words).not.toContain(word);
  });

  it('finds the same in blocks as at once, where the sample of k-means is the whole text', async () => {
    const [whole, blocks] = await Promise.all([surveySentences(sentences, options), surveySentences(sentences, { ...options, block: 3 })]);
    expect(blocks).toEqual(whole);
  });

  it('leaves out signals without weight', async () => {
    const survey = await surveySentences(sentences, {
      ...options,
      curriculum: { ...options.curriculum, syntactic_weight: 0.7, lexical_weight: 0.3, centrality_weight: 0 },
    });
    expect([survey.clusters, survey.map]).toEqual([[], undefined]);
    expect(survey.measures.map(({ signal }) => signal)).not.toContain('centrality');
  });

  it('stands a text without a scored sentence', async () => {
    const { texts, clusters, measures } = await surveySentences(['No.', 'Not one.'], options);
    expect([texts, clusters]).toEqual([[], []]);
    for (const { values } of measures) expect(values).toHaveLength(0);
  });
});

describe('nearestCentres', () => {
  it('gives the distances of the centrality signal', () => {
    const rng = stream(1, 'points');
    const embedding = { data: Float32Array.from({ length: 200 * 5 }, () => rng.normal()), dimensions: 5 };
    const picked = clusterSample(200, 4);
    const { distance, nearest } = nearestCentres(
      embedding,
      200,
      fitCentres(rowsOf(embedding, picked.sentences), { k: 7, seed: picked.seed }),
    );
    expect(distance).toEqual(centreDistances(embedding, 200, { k: 7, seed: 4 }));
    expect(new Set(nearest).size).toBe(7);
  });
});

describe('correlations', () => {
  it('is one on the diagonal, symmetric, and of ranks', () => {
    const matrix = correlations(
      [
        [1, 2, 3, 4],
        [1, 10, 100, 1000],
        [4, 3, 2, 1],
      ],
      1,
    );
    // Exact up to the rounding of a square root.
    [1, 1, -1, 1, 1, -1, -1, -1, 1].forEach((value, i) => expect(matrix[i]).toBeCloseTo(value, 12));
  });
});
