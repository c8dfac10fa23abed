import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';

import { clusterSentences, type Cluster, type PlaneMap } from './clusters.js';
import { scoreSentences, type Scores, type Signal } from './score.js';
import { wordsOf } from './sentence.js';
import { clusterSample } from './signals/cluster.js';
import { PARSE_FEATURES } from './signals/parse.js';
import { spearman } from './signals/rank.js';
import { sample } from './signals/sample.js';
import type { Memo, ScoreOptions } from './signals/work.js';

/** One measurement of every scored sentence, before ranks and weights. */
export interface Measure {
  name: string;
  signal: Signal;
  values: ArrayLike<number>;
}

/** The results of scoring, for people. Sentence numbers are indices in `texts`. */
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
  /** number of sentences in the clusters: all, or k-means' sample if the vectors of the text do not fit in memory */
  clustered: number;
  map?: PlaneMap;
}

/** Scores sentences and keeps the raw values that `scoreSentences` drops. The same text, settings and seed give the same survey. */
export async function surveySentences(sentences: readonly string[], options: ScoreOptions): Promise<Survey> {
  mustBe('surveySentences', 'sentences', sentences, 'list');
  mustBe('surveySentences', 'options', options, 'object');
  const kept = keeping(options.memo);
  const scores = await scoreSentences(sentences, { ...options, memo: kept.memo });

  // Scoring takes different sentences in the order in which they first come, and the kept values are in that order.
  const first = new Map<string, number>();
  sentences.forEach((sentence, i) => {
    if (!Number.isNaN(scores.complexity[i]!) && !first.has(sentence)) first.set(sentence, i);
  });
  const texts = [...first.keys()];
  const places = [...first.values()];
  const pick = (values: Float64Array): Float64Array => Float64Array.from(places, (place) => values[place]!);
  const words = texts.map(wordsOf);
  const complexity = pick(scores.complexity);

  const { embedder, clusters: k } = scores.report;
  const whole = kept.values.get('embedding');
  const vectors = whole ?? kept.values.get('embedding-sample');
  const members = whole ? Int32Array.from(texts.keys()) : clusterSample(texts.length, options.seed).sentences;
  const clustered =
    embedder && vectors && k !== undefined
      ? clusterSentences(
          { data: vectors, dimensions: embedder.dimensions },
          { n: texts.length, members, words, complexity },
          { k, seed: options.seed },
        )
      : undefined;
  return {
    scores,
    texts,
    lengths: Float64Array.from(words, ({ length }) => length),
    complexity,
    ranks: Object.fromEntries(Object.entries(scores.ranks).map(([signal, ranks]) => [signal, pick(ranks)])),
    measures: measuresOf(kept, scores, texts.length),
    clusters: clustered?.clusters ?? [],
    clustered: clustered ? members.length : 0,
    ...(clustered?.map && { map: clustered.map }),
  };
}

/** The raw values of a scoring, by the names under which `scoreSentences` asks its memo. */
interface Kept {
  values: Map<string, Float32Array>;
  /** counts of the parser by the first sentence of their block, if the text has several blocks */
  parsed: Map<number, Float32Array>;
}

function keeping(inner: Memo = async (_, __, make) => make()): Kept & { memo: Memo } {
  const values = new Map<string, Float32Array>();
  const parsed = new Map<number, Float32Array>();
  const memo: Memo = async (name, settings, make) => {
    const result = await inner(name, settings, make);
    // The vectors of a long text come in blocks that are not kept; those of k-means' sample are enough.
    if (name === 'parse-part') parsed.set((settings as { from: number }).from, result);
    else if (name !== 'embedding-part') values.set(name, result);
    return result;
  };
  return { values, parsed, memo };
}

/** Readability formulas as people write them; that of Flesch stands with its sign. */
const FORMULAS: Readonly<Record<string, string>> = { coleman_liau: 'Coleman–Liau index', automated_readability: 'automated readability' };

/** @param n number of scored sentences */
function measuresOf({ values: kept, parsed }: Kept, { report }: Scores, n: number): Measure[] {
  const measures: Measure[] = [];
  const add = (key: string, name: string, signal: Signal): void => {
    const values = kept.get(key);
    if (values) measures.push({ name, signal, values });
  };
  add('lexical', 'rarity of words', 'lexical');
  const width = PARSE_FEATURES.length;
  const counts = kept.get('parse') ?? (parsed.size > 0 ? joined(parsed, n * width) : undefined);
  if (counts)
    PARSE_FEATURES.forEach((name, f) =>
      measures.push({ name, signal: 'syntactic', values: Array.from({ length: n }, (_, i) => counts[i * width + f]!) }),
    );
  for (const metric of report.readability_metrics) {
    const values = kept.get(metric);
    // The score counts hard as high; people know Flesch's reading ease with its published sign.
    if (metric === 'flesch' && values)
      measures.push({ name: 'Flesch reading ease (high = easy)', signal: 'syntactic', values: values.map((value) => -value) });
    else add(metric, FORMULAS[metric] ?? metric, 'syntactic');
  }
  add('distance', 'distance from centre', 'centrality');
  return measures;
}

function joined(parts: ReadonlyMap<number, Float32Array>, length: number): Float32Array {
  const all = new Float32Array(length);
  for (const [from, values] of parts) all.set(values, from * PARSE_FEATURES.length);
  return all;
}

/** Spearman's correlation of every column with every other, [n × n] row-major; of a seeded sample of 20,000 values. */
export function correlations(columns: readonly ArrayLike<number>[], seed: number): Float64Array {
  mustBe('correlations', 'columns', columns, 'list');
  mustBe('correlations', 'seed', seed, 'number');
  const picked = sample(columns[0]?.length ?? 0, 20_000, stream(seed, 'correlations'));
  const values = columns.map((column) => Float64Array.from(picked, (i) => column[i]!));
  const n = columns.length;
  const matrix = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) matrix[a * n + b] = matrix[b * n + a] = a === b ? 1 : spearman(values[a]!, values[b]!);
  }
  return matrix;
}
