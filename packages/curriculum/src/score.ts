import type { CurriculumConfig, DataConfig } from '@mdiff/config';

import { CLUSTER_VERSION, centreDistances } from './cluster.js';
import type { Embedder, Embedding } from './embed.js';
import { LEXICAL_VERSION, lexicalRarity } from './lexical.js';
import { PARSE_FEATURES, PARSE_VERSION } from './parse.js';
import { deciles, percentileRanks, ranksWithin, spearman } from './rank.js';
import { READABILITY_VERSION, readability, type Metric } from './readability.js';
import { MIN_WORDS, isEnglish, wordsOf } from './sentence.js';
import type { Unit } from './unit.js';

export type Signal = 'lexical' | 'syntactic' | 'centrality';

/** Returns what was made before for this name and these settings, or makes it. Who keeps it adds a hash of the text. */
export type Memo = (name: string, settings: unknown, make: () => Promise<Float32Array> | Float32Array) => Promise<Float32Array>;

export interface ScoreOptions {
  curriculum: Pick<CurriculumConfig, 'lexical_weight' | 'syntactic_weight' | 'centrality_weight' | 'n_clusters'>;
  data: Pick<DataConfig, 'idf_corpus_size' | 'readability_metrics'>;
  seed: number;
  embedder: Embedder;
  /** `parseFeatures`, here or in workers */
  parse(sentences: readonly string[]): Promise<Float32Array> | Float32Array;
  memo?: Memo;
}

/** What scores were made of: written beside them. */
export interface ScoreReport {
  /** sentences of prose, those that are scored (five words or more, each once), and their mean length in words */
  sentences: number;
  scored: number;
  mean_words: number;
  weights: Record<Signal, number>;
  seed: number;
  /** code of each signal */
  versions: Record<string, string | number>;
  embedder?: { name: string; version: string; dimensions: number };
  clusters?: number;
  readability_metrics: Metric[];
  /** Spearman's correlation with sentence length in words: of the raw signal, and of the rank that is weighted */
  length_correlation: Partial<Record<Signal, { raw: number; rank: number }>>;
  /** what was left out, and why */
  left_out: string[];
}

export interface Scores {
  /** one per sentence of the text: Σ weight · rank, in (0, 1); NaN where a sentence takes no part. High is hard. */
  complexity: Float64Array;
  /** the ranks, likewise; signals of weight 0 are not computed */
  ranks: Partial<Record<Signal, Float64Array>>;
  report: ScoreReport;
}

const direct: Memo = async (_, __, make) => make();

/**
 * Scores every sentence (configuration specification 4.5): percentile ranks of lexical rarity, of syntax and of the distance from the nearest cluster centre,
 * weighted. Rarity and distance are ranked within deciles of sentence length, since raw they measure length. Same text, settings and seed: same scores.
 *
 * @param sentences those of `listSentences`
 */
export async function scoreSentences(sentences: readonly string[], options: ScoreOptions): Promise<Scores> {
  const { curriculum, data, seed, embedder, memo = direct } = options;
  const weights: Record<Signal, number> = { lexical: curriculum.lexical_weight, syntactic: curriculum.syntactic_weight, centrality: curriculum.centrality_weight };
  const allWords = sentences.map(wordsOf);
  // A sentence that occurs often is worked on once.
  const index = new Map<string, number>();
  const place = Int32Array.from(sentences, (sentence, i) => {
    if (allWords[i]!.length < MIN_WORDS) return -1;
    const known = index.get(sentence) ?? index.size;
    index.set(sentence, known);
    return known;
  });
  const texts = [...index.keys()];
  const words = texts.map(wordsOf);
  const lengths = Float64Array.from(words, ({ length }) => length);
  const groups = deciles(lengths);
  const report: ScoreReport = {
    sentences: sentences.length,
    scored: texts.length,
    mean_words: lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length),
    weights,
    seed,
    versions: {},
    readability_metrics: [],
    length_correlation: {},
    left_out: [],
  };
  const ranked: Partial<Record<Signal, Float64Array>> = {};
  const keep = (signal: Signal, raw: ArrayLike<number>, ranks: Float64Array): void => {
    ranked[signal] = ranks;
    report.length_correlation[signal] = { raw: spearman(raw, lengths), rank: spearman(ranks, lengths) };
  };

  if (weights.lexical > 0) {
    const settings = { version: LEXICAL_VERSION, size: data.idf_corpus_size, seed };
    report.versions['lexical'] = LEXICAL_VERSION;
    const raw = await memo('lexical', settings, () => lexicalRarity(words, allWords, settings));
    keep('lexical', raw, ranksWithin(raw, groups));
  }
  if (weights.syntactic > 0) {
    const raw = await syntax(texts, words, lengths, options, report);
    keep('syntactic', raw, percentileRanks(raw));
  }
  if (weights.centrality > 0) {
    let embedding: Embedding | undefined;
    const vectors = await memo('embedding', { name: embedder.name, version: embedder.version }, async () => (embedding = await embedder.embed(texts)).data);
    const dimensions = embedding?.dimensions ?? vectors.length / Math.max(1, texts.length);
    const k = Math.max(1, Math.min(curriculum.n_clusters, texts.length));
    report.embedder = { name: embedder.name, version: embedder.version, dimensions };
    report.clusters = k;
    report.versions['centrality'] = CLUSTER_VERSION;
    const settings = { version: CLUSTER_VERSION, embedder: [embedder.name, embedder.version], k, seed };
    const raw = await memo('distance', settings, () => centreDistances({ data: vectors, dimensions }, texts.length, settings));
    keep('centrality', raw, ranksWithin(raw, groups));
  }

  const total = new Float64Array(texts.length);
  for (const [signal, ranks] of Object.entries(ranked)) ranks.forEach((rank, i) => (total[i]! += weights[signal as Signal] * rank));
  const spread = (values: Float64Array): Float64Array => Float64Array.from(place, (at) => (at < 0 ? NaN : values[at]!));
  return {
    complexity: spread(total),
    ranks: Object.fromEntries(Object.entries(ranked).map(([signal, ranks]) => [signal, spread(ranks)])),
    report,
  };
}

/** Half the mean rank of what the parser counts, half the mean rank of the readability formulas; what means nothing in this text is left out, and said. */
async function syntax(texts: readonly string[], words: readonly string[][], lengths: Float64Array, options: ScoreOptions, report: ScoreReport): Promise<Float64Array> {
  const { data, parse, memo = direct } = options;
  const english = isEnglish(words);
  const metrics = data.readability_metrics.filter((metric) => english || metric !== 'flesch');
  const mean = (lists: readonly Float64Array[]): Float64Array => Float64Array.from(lengths, (_, i) => lists.reduce((sum, list) => sum + list[i]!, 0) / lists.length);
  const halves: Float64Array[] = [];
  if (english) {
    const width = PARSE_FEATURES.length;
    report.versions['parse'] = PARSE_VERSION;
    const counts = await memo('parse', { version: PARSE_VERSION }, () => parse(texts));
    halves.push(mean(PARSE_FEATURES.map((_, f) => percentileRanks(Float64Array.from(texts, (__, i) => counts[i * width + f]!)))));
  } else {
    report.left_out.push('the text is not English: no parse features' + (data.readability_metrics.includes('flesch') ? ' and no flesch, which count English words and syllables' : ', which need English'));
  }
  if (metrics.length > 0) {
    report.readability_metrics = metrics;
    report.versions['readability'] = READABILITY_VERSION;
    const columns: Float64Array[] = [];
    for (const metric of metrics) columns.push(percentileRanks(await memo(metric, { version: READABILITY_VERSION }, () => readability(metric, words))));
    halves.push(mean(columns));
  }
  return halves.length > 0 ? mean(halves) : percentileRanks(lengths);
}

/** Between the easiest and the hardest: nothing is known of a unit without a scored sentence. */
const UNKNOWN = 0.5;

/**
 * Complexity of each unit: the token-weighted mean over its scored sentences. A unit without any (verse, a line of dialogue under five words) counts as middling.
 *
 * @param complexity one number per sentence of the text, NaN for those that take no part
 * @param tokens tokens of a whole sentence
 */
export function unitComplexity(units: readonly Unit[], complexity: Float64Array, tokens: (sentence: number) => number): Float64Array {
  return Float64Array.from(units, ({ parts = [] }) => {
    let sum = 0;
    let weight = 0;
    for (const part of parts) {
      const own = complexity[part.sentence]!;
      if (Number.isNaN(own)) continue;
      const count = part.tokens ?? tokens(part.sentence);
      sum += count * own;
      weight += count;
    }
    return weight > 0 ? sum / weight : UNKNOWN;
  });
}
