import { stream } from '@mdiff/diffusion';
import { describe, expect, it } from 'vitest';

import { isEnglish, listSentences, wordsOf } from '../sentence.js';
import { centreDistances } from './cluster.js';
import { lexicalRarity } from './lexical.js';
import { parseFeatures } from './parse.js';
import { countsOf, readability, type Metric } from './readability.js';
import { sample } from './sample.js';
import { rightSingularVectors } from './svd.js';
import { tfidfSvd } from './tfidf.js';

describe('sentences', () => {
  it('are those of prose, in order', () => {
    const paragraphs = [
      { kind: 'heading', text: 'CHAPTER 1. Loomings.' },
      { kind: 'prose', text: 'Call me Ishmael. Some years ago I went to sea.' },
      { kind: 'verse', text: 'A line.\nAnother line.' },
      { kind: 'prose', text: 'The end.' },
    ] as const;
    expect(listSentences([{ title: 't', paragraphs: [...paragraphs] }])).toEqual([
      'Call me Ishmael.',
      'Some years ago I went to sea.',
      'The end.',
    ]);
  });

  it('have words of any alphabet, with apostrophes and hyphens inside', () => {
    expect(wordsOf('"Don’t," said the sea-hawk — 12 мачт!')).toEqual(['don’t', 'said', 'the', 'sea-hawk', '12', 'мачт']);
  });

  it('are English or not', () => {
    expect(isEnglish(['It was the best of times, it was the worst of times.', 'Call me Ishmael.'])).toBe(true);
    expect(isEnglish(['Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett verwandelt.'])).toBe(
      false,
    );
  });
});

describe('sample', () => {
  it('holds every index equally often, in order', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) for (const i of sample(10, 3, stream(seed, 'sample'))) counts[i]!++;
    // 600 each, give or take six standard deviations (20.5).
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(123);
    expect([...sample(3, 10, stream(1, 'sample'))]).toEqual([0, 1, 2]);
  });
});

describe('lexical rarity', () => {
  const corpus = ['the whale', 'the sea', 'the storm', 'the whale'];
  it('is the mean inverse document frequency of the words', () => {
    const [common, rare] = lexicalRarity(['the whale', 'the squid'], corpus, { size: 100, seed: 1 });
    // float32
    expect(common).toBeCloseTo((Math.log(5 / 5) + Math.log(5 / 3)) / 2, 6);
    expect(rare).toBeCloseTo(Math.log(5 / 1) / 2, 6);
  });

  it('counts in a sample of the size asked for', () => {
    const many = Array.from({ length: 50 }, (_, i) => `w${i}`);
    const known = [...lexicalRarity(many, many, { size: 10, seed: 3 })].filter((value) => Math.abs(value - Math.log(11 / 2)) < 1e-6);
    expect(known).toHaveLength(10);
    expect(lexicalRarity(many, many, { size: 10, seed: 3 })).toEqual(lexicalRarity(many, many, { size: 10, seed: 3 }));
  });
});

describe('readability', () => {
  // 'The cat sat on the mat': 6 words, 17 letters, 6 syllables. float32.
  const cat = 'The cat sat on the mat.';
  const of = (metric: Metric, ...sentences: string[]) => readability(metric, countsOf(sentences));
  it('has the published formulas, Flesch turned so that high is hard', () => {
    expect(of('flesch', cat)[0]).toBeCloseTo(-(206.835 - 1.015 * 6 - 84.6), 4);
    expect(of('coleman_liau', cat)[0]).toBeCloseTo((0.0588 * 1700) / 6 - 29.6 / 6 - 15.8, 4);
    expect(of('automated_readability', cat)[0]).toBeCloseTo((4.71 * 17) / 6 + 3 - 21.43, 4);
  });

  it.each(['flesch', 'coleman_liau', 'automated_readability'] as const)('%s finds long words harder', (metric) => {
    const [easy, hard] = of(metric, cat, 'Incommunicable philosophers contemplated inscrutable terrestrial immensities.');
    expect(hard).toBeGreaterThan(easy!);
  });
});

describe('parse features', () => {
  it('count clauses, verb phrases, openers of dependent clauses, and words of a noun phrase', () => {
    const rows = parseFeatures(['The whale sank.', 'The whale which we saw sank because the old grey ship had struck it, and we wept.']);
    const [easy, hard] = [[...rows.subarray(0, 4)], [...rows.subarray(4)]];
    expect(easy).toEqual([1, 1, 0, 2]);
    expect(hard[2]).toBe(2);
    for (const feature of [0, 1]) expect(hard[feature]).toBeGreaterThan(easy[feature]!);
    expect([...parseFeatures(['Go.', 'The old grey ship sank.'])].slice(7)).toEqual([4]);
  });

  it('are those of the tagger as it comes, of sentences that use its patterns often', () => {
    // Counted by compromise 14.17.0 alone, without the filters of tagger.ts.
    const rows = parseFeatures([
      'If they but knew it, almost all men in their degree, some time or other, cherish very nearly the same feelings towards the ocean with me.',
      'Some years ago—never mind how long precisely—having little or no money in my purse, I thought I would sail about a little and see the watery part of the world.',
      'Whenever it is a damp, drizzly November in my soul, I account it high time to get to sea as soon as I can; and while he said nothing, she was seen by the old man.',
    ]);
    expect([...rows]).toEqual([4, 2, 1, 1.875, 2, 5, 0, 2.375, 5, 6, 2, 1.7999999523162842]);
  });

  it('depend on the sentence alone', () => {
    const [a, b] = ['Call me Ishmael, whoever you are.', 'The sea was calm when we left.'];
    expect([...parseFeatures([a, b])]).toEqual([...parseFeatures([b]), ...parseFeatures([a])].slice(4).concat([...parseFeatures([b])]));
  });
});

describe('singular vectors', () => {
  // Rows with norms 3, 2 and 1 along three orthogonal directions.
  const rows = [
    [3, 0, 0, 0],
    [0, 2 / Math.SQRT2, 2 / Math.SQRT2, 0],
    [0, 0, 0, 1],
  ];
  const matrix = {
    columns: 4,
    start: Int32Array.of(0, 4, 8, 12),
    column: Int32Array.from([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]),
    value: Float32Array.from(rows.flat()),
  };
  it('are the leading ones, orthonormal, and zero beyond the rank', () => {
    const vectors = rightSingularVectors(matrix, 4, stream(1, 'svd'));
    const vector = (k: number) => [0, 1, 2, 3].map((c) => Math.abs(vectors[c * 4 + k]!));
    const half = Math.SQRT1_2;
    // Values are float32: 1e-6 is ten times their precision.
    [
      [1, 0, 0, 0],
      [0, half, half, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ].forEach((expected, k) => vector(k).forEach((value, c) => expect(value).toBeCloseTo(expected[c]!, 6)));
  });
});

describe('tfidf-svd', () => {
  const texts = Array.from({ length: 60 }, (_, i) =>
    i % 2 ? `the whale swam in the deep sea ${i}` : `a captain ordered his sailors on deck ${i}`,
  );
  it('puts sentences with common words together, on the unit sphere', async () => {
    const { data, dimensions: d } = await tfidfSvd({ seed: 1 }).embed(texts);
    const cosine = (i: number, j: number) =>
      Array.from({ length: d }, (_, k) => data[i * d + k]! * data[j * d + k]!).reduce((a, b) => a + b);
    expect(cosine(0, 0)).toBeCloseTo(1, 5);
    expect(cosine(0, 2)).toBeGreaterThan(0.99);
    expect(Math.abs(cosine(0, 1))).toBeLessThan(0.01);
    expect((await tfidfSvd({ seed: 1 }).embed(texts)).data).toEqual(data);
  });

  it('has nothing to say of sentences that share no words', async () => {
    expect(await tfidfSvd({ seed: 1 }).embed(['one two', 'three four'])).toEqual({ data: new Float32Array(0), dimensions: 0 });
  });
});

describe('distance from the nearest centre', () => {
  it('is small in a cluster and large beside it', () => {
    const points = [...Array.from({ length: 20 }, (_, i) => [i % 2 ? 1 : -1, 0.01 * i]), [-1, 3]].flat();
    const distances = centreDistances({ data: Float32Array.from(points), dimensions: 2 }, 21, { k: 2, seed: 5 });
    expect([...distances].indexOf(Math.max(...distances))).toBe(20);
    expect(distances[0]).toBeLessThan(0.5);
  });

  it('takes fewer centres where fewer points differ', () => {
    expect([...centreDistances({ data: Float32Array.of(1, 0, 1, 0, 0, 1), dimensions: 2 }, 3, { k: 3, seed: 1 })]).toEqual([0, 0, 0]);
    expect([...centreDistances({ data: new Float32Array(0), dimensions: 0 }, 3, { k: 3, seed: 1 })]).toEqual([0, 0, 0]);
  });
});
