import { stream } from '@mdiff/diffusion';

import { sample } from './sample.js';
import { scoreSentences, type Memo, type Scores, type ScoreOptions, type Signal } from './score.js';
import { wordsOf } from './sentence.js';
import { clusterSample, fitCentres, rowsOf } from './signals/cluster.js';
import type { Embedding } from './signals/embed.js';
import { PARSE_FEATURES } from './signals/parse.js';
import { spearman } from './signals/rank.js';
import { rightSingularVectors, type Sparse } from './signals/svd.js';

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
  /** sentences that the clusters are of: all, or k-means' sample of a text too long to hold every vector */
  clustered: number;
  map?: PlaneMap;
}

const SHOWN_POINTS = 1500;
const CENTRAL = 4;
const TELLING = 8;

/** Scores sentences and keeps what `scoreSentences` only passes through. Same text, settings and seed: same survey. */
export async function surveySentences(sentences: readonly string[], options: ScoreOptions): Promise<Survey> {
  const made = new Map<string, Float32Array>();
  const parts = new Map<number, Float32Array>();
  const inner: Memo = options.memo ?? (async (_, __, make) => make());
  const memo: Memo = async (name, settings, make) => {
    const values = await inner(name, settings, make);
    // Of a long text the vectors come in parts that are let go; those of k-means' sample are enough.
    if (name === 'parse-part') parts.set((settings as { from: number }).from, values);
    else if (name !== 'embedding-part') made.set(name, values);
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
  const counts = made.get('parse') ?? (parts.size > 0 ? joined(parts, texts.length * PARSE_FEATURES.length) : undefined);
  if (counts) PARSE_FEATURES.forEach((name, f) => measures.push({ name, signal: 'syntactic', values: texts.map((_, i) => counts[i * PARSE_FEATURES.length + f]!) }));
  for (const metric of scores.report.readability_metrics) add(metric, metric.replaceAll('_', ' '), 'syntactic');
  add('distance', 'distance from centre', 'centrality');

  const { embedder, clusters: k } = scores.report;
  const whole = made.get('embedding');
  const vectors = whole ?? made.get('embedding-sample');
  const members = whole ? Int32Array.from(texts.keys()) : clusterSample(texts.length, options.seed).sentences;
  const grouped =
    embedder && vectors && k !== undefined ? groupSentences({ data: vectors, dimensions: embedder.dimensions }, { n: texts.length, members, words, complexity }, k, options.seed) : undefined;
  return {
    scores,
    texts,
    lengths: Float64Array.from(words, ({ length }) => length),
    complexity,
    ranks: Object.fromEntries(Object.entries(scores.ranks).map(([signal, ranks]) => [signal, pick(ranks)])),
    measures,
    clusters: grouped?.clusters ?? [],
    clustered: grouped ? members.length : 0,
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

function joined(parts: ReadonlyMap<number, Float32Array>, length: number): Float32Array {
  const all = new Float32Array(length);
  for (const [from, values] of parts) all.set(values, from * PARSE_FEATURES.length);
  return all;
}

/** What is grouped: `members` of the `n` scored sentences; an embedding's row i is of members[i]. */
interface Grouped {
  n: number;
  members: Int32Array;
  /** of all scored sentences */
  words: readonly string[][];
  complexity: Float64Array;
}

function groupSentences(embedding: Embedding, { n, members, words, complexity }: Grouped, k: number, seed: number): { clusters: Cluster[]; map?: PlaneMap } {
  if (members.length === 0 || embedding.dimensions === 0) return { clusters: [] };
  const centres = centresOf(embedding, { n, members }, { k, seed });
  const { nearest, distance } = nearestCentres(embedding, centres);
  const rows: number[][] = Array.from({ length: centres.length / embedding.dimensions }, () => []);
  nearest.forEach((centre, row) => rows[centre]!.push(row));
  const order = rows.map((_, centre) => centre).filter((centre) => rows[centre]!.length > 0).sort((a, b) => rows[b]!.length - rows[a]!.length || a - b);

  const holding = (own: Iterable<number>): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const row of own) for (const word of new Set(words[members[row]!])) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  const all = holding(members.keys());
  const clusters = order.map((centre): Cluster => {
    const own = rows[centre]!;
    // Pointwise mutual information, weighted by the count: rare words do not win by chance.
    const telling = [...holding(own)].map(([word, count]): [string, number] => [word, count * Math.log((count * members.length) / (all.get(word)! * own.length))]);
    return {
      size: own.length,
      complexity: own.reduce((sum, row) => sum + complexity[members[row]!]!, 0) / own.length,
      central: [...own].sort((a, b) => distance[a]! - distance[b]! || a - b).slice(0, CENTRAL).map((row) => members[row]!),
      words: telling.filter(([, weight]) => weight > 0).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, TELLING).map(([word]) => word),
    };
  });
  const place = Int32Array.from(rows, (_, centre) => order.indexOf(centre));
  const map = planeOf(embedding, members.length, Int32Array.from(nearest, (centre) => place[centre]!), seed);
  return { clusters, map: { ...map, sentences: map.sentences.map((row) => members[row]!) } };
}

/** The centres that the centrality signal measures from. */
function centresOf(embedding: Embedding, { n, members }: { n: number; members: Int32Array }, { k, seed }: { k: number; seed: number }): Float64Array {
  const picked = clusterSample(n, seed);
  return fitCentres(members.length === n ? rowsOf(embedding, picked.sentences) : embedding, { k, seed: picked.seed });
}

/** Which centre of [k × d] is nearest to each vector, and how far it is. */
export function nearestCentres({ data, dimensions: d }: Embedding, centres: Float64Array): { nearest: Int32Array; distance: Float32Array } {
  const n = data.length / d;
  const nearest = new Int32Array(n);
  const distance = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    let least = Infinity;
    for (let c = 0; c < centres.length; c += d) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += (data[i * d + j]! - centres[c + j]!) ** 2;
      if (sum >= least) continue;
      least = sum;
      nearest[i] = c / d;
    }
    distance[i] = Math.sqrt(least);
  }
  return { nearest, distance };
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
