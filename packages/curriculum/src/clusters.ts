import { stream } from '@mdiff/diffusion';
import { FUNCTION_WORDS } from '@mdiff/text/statistics';
import nlp from 'compromise';

import { clusterSample, fitCentres, nearestCentres, rowsOf } from './signals/cluster.js';
import type { Embedding } from './signals/embed.js';
import { sample } from './signals/sample.js';
import { rightSingularVectors, type Sparse } from './signals/svd.js';

export interface Cluster {
  size: number;
  /** mean over the members */
  complexity: number;
  /** the members nearest to the centre, nearest first */
  central: number[];
  /** words that are more frequent in its sentences than in others, the most telling first */
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

const SHOWN_POINTS = 1500;
const CENTRAL = 4;
const TELLING = 8;
/** Words that are looked at for those: function words are frequent in some clusters and name none. */
const CANDIDATES = 60;

/** Pronouns, articles, prepositions and the like tell nothing about a group of sentences. */
const FUNCTION_WORD = '(#Pronoun|#Determiner|#Preposition|#Conjunction|#Auxiliary|#Copula|#Modal|#QuestionWord|#Negative|#Adverb|#Value)';
/** English ones that the tagger takes for verbs, nouns or adjectives where they stand alone. */
const MORE = new Set([
  ...FUNCTION_WORDS,
  ...'having does did done being thy thee thou ours yours most much many own other others same here than thus yet each both few like'.split(
    ' ',
  ),
]);
const namesSomething = (word: string): boolean => /\p{L}{3}/u.test(word) && !MORE.has(word) && !nlp(word).has(FUNCTION_WORD);

/** The sentences to cluster: `members` of the `n` scored ones; row i of the embedding belongs to members[i]. */
export interface Members {
  n: number;
  members: Int32Array;
  /** of all scored sentences */
  words: readonly string[][];
  complexity: Float64Array;
}

/** Clusters of embedded sentences, the largest first, and a map of them. */
export function clusterSentences(
  embedding: Embedding,
  { n, members, words, complexity }: Members,
  { k, seed }: { k: number; seed: number },
): { clusters: Cluster[]; map?: PlaneMap } {
  if (members.length === 0 || embedding.dimensions === 0) return { clusters: [] };
  const centres = centresOf(embedding, { n, members }, { k, seed });
  const { nearest, distance } = nearestCentres(embedding, members.length, centres);
  const rows: number[][] = Array.from({ length: centres.length / embedding.dimensions }, () => []);
  nearest.forEach((centre, row) => rows[centre]!.push(row));
  const order = rows
    .map((_, centre) => centre)
    .filter((centre) => rows[centre]!.length > 0)
    .sort((a, b) => rows[b]!.length - rows[a]!.length || a - b);

  /** sentences among these rows that hold each word */
  const holding = (some: Iterable<number>): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const row of some) for (const word of new Set(words[members[row]!])) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  const all = holding(members.keys());
  const clusters = order.map((centre): Cluster => {
    const group = rows[centre]!;
    // Pointwise mutual information, weighted by the count so that rare words do not win by chance.
    const telling = [...holding(group)].map(([word, count]): [string, number] => [
      word,
      count * Math.log((count * members.length) / (all.get(word)! * group.length)),
    ]);
    return {
      size: group.length,
      complexity: group.reduce((sum, row) => sum + complexity[members[row]!]!, 0) / group.length,
      central: [...group]
        .sort((a, b) => distance[a]! - distance[b]! || a - b)
        .slice(0, CENTRAL)
        .map((row) => members[row]!),
      words: telling
        .filter(([, weight]) => weight > 0)
        .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
        .slice(0, CANDIDATES)
        .map(([word]) => word)
        .filter(namesSomething)
        .slice(0, TELLING),
    };
  });
  const place = Int32Array.from(rows, (_, centre) => order.indexOf(centre));
  const map = planeOf(
    embedding,
    members.length,
    Int32Array.from(nearest, (centre) => place[centre]!),
    seed,
  );
  return { clusters, map: { ...map, sentences: map.sentences.map((row) => members[row]!) } };
}

/** The centres of the centrality signal. */
function centresOf(
  embedding: Embedding,
  { n, members }: { n: number; members: Int32Array },
  { k, seed }: { k: number; seed: number },
): Float64Array {
  const picked = clusterSample(n, seed);
  return fitCentres(members.length === n ? rowsOf(embedding, picked.sentences) : embedding, { k, seed: picked.seed });
}

/** Principal components of a sample: the two leading directions of the centred vectors. */
function planeOf({ data, dimensions: d }: Embedding, n: number, clusters: Int32Array, seed: number): PlaneMap {
  const rng = stream(seed, 'map');
  const sentences = sample(n, SHOWN_POINTS, rng);
  const mean = new Float64Array(d);
  for (const i of sentences) for (let j = 0; j < d; j++) mean[j]! += data[i * d + j]! / sentences.length;
  const centred = Float32Array.from(
    { length: sentences.length * d },
    (_, i) => data[sentences[Math.floor(i / d)]! * d + (i % d)]! - mean[i % d]!,
  );
  const matrix: Sparse = {
    columns: d,
    start: Int32Array.from({ length: sentences.length + 1 }, (_, r) => r * d),
    column: Int32Array.from(centred, (_, i) => i % d),
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
  return {
    sentences,
    x,
    y,
    cluster: Int32Array.from(sentences, (i) => clusters[i]!),
    variance: total > 0 ? (squares(x) + squares(y)) / total : 0,
  };
}
