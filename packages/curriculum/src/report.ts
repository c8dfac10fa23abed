import { stream } from '@mdiff/diffusion';
import { kmeans } from 'ml-kmeans';

import type { Embedding } from './embed.js';
import { PARSE_FEATURES } from './parse.js';
import { spearman } from './rank.js';
import { sample } from './sample.js';
import { scoreSentences, type Memo, type Scores, type ScoreOptions, type Signal } from './score.js';
import { wordsOf } from './sentence.js';
import { rightSingularVectors, type Sparse } from './svd.js';

/** One thing that was measured in every scored sentence, before ranks and weights. */
export interface Measure {
  name: string;
  signal: Signal;
  values: ArrayLike<number>;
}

export interface Cluster {
  size: number;
  /** mean over the members */
  complexity: number;
  /** the members nearest to the centre, nearest first */
  central: number[];
  /** words that its sentences hold more often than others do, the most telling first */
  words: string[];
}

/** Sentence embeddings on the plane where they differ most. */
export interface PlaneMap {
  /** sentences shown, a seeded sample */
  sentences: Int32Array;
  x: Float64Array;
  y: Float64Array;
  /** place in `clusters` */
  cluster: Int32Array;
  /** share of the variance that the plane keeps, 0…1 */
  variance: number;
}

/** What scoring found, for people. Sentences are numbered over `texts`. */
export interface Survey {
  scores: Scores;
  /** the scored sentences, each once, in the order of the text */
  texts: string[];
  /** words in each */
  lengths: Float64Array;
  complexity: Float64Array;
  ranks: Partial<Record<Signal, Float64Array>>;
  measures: Measure[];
  /** the largest first; none without centrality */
  clusters: Cluster[];
  map?: PlaneMap;
}

const SHOWN_POINTS = 1500;
const CENTRAL = 4;
const TELLING = 8;

/** Scores sentences and keeps what `scoreSentences` only passes through. Same text, settings and seed: same survey. */
export async function surveySentences(sentences: readonly string[], options: ScoreOptions): Promise<Survey> {
  const made = new Map<string, Float32Array>();
  const inner: Memo = options.memo ?? (async (_, __, make) => make());
  const memo: Memo = async (name, settings, make) => {
    const values = await inner(name, settings, make);
    made.set(name, values);
    return values;
  };
  const scores = await scoreSentences(sentences, { ...options, memo });

  // Scoring works on different sentences in the order in which they first come; so do the values that were kept.
  const first = new Map<string, number>();
  sentences.forEach((sentence, i) => {
    if (!Number.isNaN(scores.complexity[i]!) && !first.has(sentence)) first.set(sentence, i);
  });
  const texts = [...first.keys()];
  const places = [...first.values()];
  const pick = (values: Float64Array): Float64Array => Float64Array.from(places, (at) => values[at]!);
  const words = texts.map(wordsOf);
  const complexity = pick(scores.complexity);

  const measures: Measure[] = [];
  const add = (key: string, name: string, signal: Signal): void => {
    const values = made.get(key);
    if (values) measures.push({ name, signal, values });
  };
  add('lexical', 'rarity of words', 'lexical');
  const counts = made.get('parse');
  if (counts) PARSE_FEATURES.forEach((name, f) => measures.push({ name, signal: 'syntactic', values: texts.map((_, i) => counts[i * PARSE_FEATURES.length + f]!) }));
  for (const metric of scores.report.readability_metrics) add(metric, metric.replaceAll('_', ' '), 'syntactic');
  add('distance', 'distance from centre', 'centrality');

  const { embedder, clusters: k } = scores.report;
  const vectors = made.get('embedding');
  const grouped = embedder && vectors && k !== undefined ? groupSentences({ data: vectors, dimensions: embedder.dimensions }, words, complexity, k, options.seed) : undefined;
  return {
    scores,
    texts,
    lengths: Float64Array.from(words, ({ length }) => length),
    complexity,
    ranks: Object.fromEntries(Object.entries(scores.ranks).map(([signal, ranks]) => [signal, pick(ranks)])),
    measures,
    clusters: grouped?.clusters ?? [],
    ...(grouped?.map && { map: grouped.map }),
  };
}

/** Spearman's correlation of every column with every other, [n × n] row-major; of a seeded sample of 20,000 values. */
export function correlations(columns: readonly ArrayLike<number>[], seed: number): Float64Array {
  const picked = sample(columns[0]?.length ?? 0, 20_000, stream(seed, 'correlations'));
  const values = columns.map((column) => Float64Array.from(picked, (i) => column[i]!));
  const n = columns.length;
  const matrix = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) matrix[a * n + b] = matrix[b * n + a] = a === b ? 1 : spearman(values[a]!, values[b]!);
  }
  return matrix;
}

function groupSentences(embedding: Embedding, words: readonly string[][], complexity: Float64Array, k: number, seed: number): { clusters: Cluster[]; map?: PlaneMap } {
  const n = words.length;
  if (n === 0 || embedding.dimensions === 0) return { clusters: [] };
  const { nearest, distance, centres } = nearestCentres(embedding, n, { k, seed });
  const members: number[][] = Array.from({ length: centres }, () => []);
  nearest.forEach((centre, i) => members[centre]!.push(i));
  const order = members.map((_, centre) => centre).filter((centre) => members[centre]!.length > 0).sort((a, b) => members[b]!.length - members[a]!.length || a - b);

  const holding = (own: Iterable<number>): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const i of own) for (const word of new Set(words[i])) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  const all = holding(words.keys());
  const clusters = order.map((centre): Cluster => {
    const own = members[centre]!;
    // Pointwise mutual information, weighted by the count: rare words do not win by chance.
    const telling = [...holding(own)].map(([word, count]): [string, number] => [word, count * Math.log((count * n) / (all.get(word)! * own.length))]);
    return {
      size: own.length,
      complexity: own.reduce((sum, i) => sum + complexity[i]!, 0) / own.length,
      central: [...own].sort((a, b) => distance[a]! - distance[b]! || a - b).slice(0, CENTRAL),
      words: telling.filter(([, weight]) => weight > 0).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, TELLING).map(([word]) => word),
    };
  });
  const place = Int32Array.from(members, (_, centre) => order.indexOf(centre));
  return { clusters, map: planeOf(embedding, n, Int32Array.from(nearest, (centre) => place[centre]!), seed) };
}

/** The centres of `centreDistances`, found in the same way, with which of them is nearest. */
export function nearestCentres({ data, dimensions: d }: Embedding, n: number, { k, seed }: { k: number; seed: number }): { nearest: Int32Array; distance: Float32Array; centres: number } {
  const rng = stream(seed, 'k-means');
  const points = Array.from(sample(n, 20_000, rng), (i) => Array.from(data.subarray(i * d, (i + 1) * d)));
  const different = Math.min(k, new Set(points.map(String)).size);
  const { centroids } = kmeans(points, different, { seed: rng.int(2 ** 31) });
  const nearest = new Int32Array(n);
  const distance = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    let least = Infinity;
    centroids.forEach((centre, c) => {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += (data[i * d + j]! - centre[j]!) ** 2;
      if (sum >= least) return;
      least = sum;
      nearest[i] = c;
    });
    distance[i] = Math.sqrt(least);
  }
  return { nearest, distance, centres: centroids.length };
}

/** Principal components of a sample: the two leading directions of the centred vectors. */
function planeOf({ data, dimensions: d }: Embedding, n: number, clusters: Int32Array, seed: number): PlaneMap {
  const rng = stream(seed, 'map');
  const sentences = sample(n, SHOWN_POINTS, rng);
  const mean = new Float64Array(d);
  for (const i of sentences) for (let j = 0; j < d; j++) mean[j]! += data[i * d + j]! / sentences.length;
  const centred = Float32Array.from({ length: sentences.length * d }, (_, at) => data[sentences[Math.floor(at / d)]! * d + (at % d)]! - mean[at % d]!);
  const matrix: Sparse = {
    columns: d,
    start: Int32Array.from({ length: sentences.length + 1 }, (_, r) => r * d),
    column: Int32Array.from(centred, (_, at) => at % d),
    value: centred,
  };
  const axes = Math.min(2, d);
  const directions = rightSingularVectors(matrix, axes, rng);
  const along = (axis: number): Float64Array =>
    Float64Array.from(sentences, (_, r) => {
      let sum = 0;
      if (axis < axes) for (let j = 0; j < d; j++) sum += centred[r * d + j]! * directions[j * axes + axis]!;
      return sum;
    });
  const [x, y] = [along(0), along(1)];
  const squares = (values: Iterable<number>): number => {
    let sum = 0;
    for (const value of values) sum += value * value;
    return sum;
  };
  const total = squares(centred);
  return { sentences, x, y, cluster: Int32Array.from(sentences, (i) => clusters[i]!), variance: total > 0 ? (squares(x) + squares(y)) / total : 0 };
}
