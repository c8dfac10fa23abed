import type { CurriculumConfig, DataConfig } from '@mdiff/config';

import { isEnglish, scored } from './sentence.js';
import { CLUSTER_VERSION, clusterSample, distances, fitCentres, rowsOf } from './signals/cluster.js';
import type { Advance, Embed, Embedder, Embedding } from './signals/embed.js';
import { LEXICAL_VERSION, lexicalRarity } from './signals/lexical.js';
import { PARSE_FEATURES, PARSE_VERSION } from './signals/parse.js';
import { deciles, percentileRanks, ranksWithin, spearman } from './signals/rank.js';
import { READABILITY_VERSION, countsOf, readability, type Counts, type Metric } from './signals/readability.js';
import type { Unit } from './units.js';

export type Signal = 'lexical' | 'syntactic' | 'centrality';

/** Returns what was made before for this name and these settings, or makes it. Who keeps it adds a hash of the text. */
export type Memo = (name: string, settings: unknown, make: () => Promise<Float32Array> | Float32Array) => Promise<Float32Array>;

export interface ScoreOptions {
  curriculum: Pick<CurriculumConfig, 'lexical_weight' | 'syntactic_weight' | 'centrality_weight' | 'n_clusters'>;
  data: Pick<DataConfig, 'idf_corpus_size' | 'readability_metrics'>;
  seed: number;
  embedder: Embedder;
  /** `parseFeatures`, here or in workers */
  parse(sentences: readonly string[], advance?: Advance): Promise<Float32Array> | Float32Array;
  /** `fitCentres`, here (the default) or in a worker */
  fitCentres?: (...given: Parameters<typeof fitCentres>) => Promise<Float64Array> | Float64Array;
  memo?: Memo;
  /** sentences that are embedded or parsed at once (default 65,536): what is in memory, and what is lost when the work is interrupted */
  block?: number;
  /** sentences done and to do, parsing and embedding counted separately; what is kept counts as done */
  progress?(done: number, total: number): void;
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
  /** `instead_of`: the one that is configured by default and not on this machine (N3) */
  embedder?: { name: string; version: string; dimensions: number; instead_of?: string };
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

const BLOCK = 65_536;

/** The scored sentences and what every signal needs of them. */
interface Work {
  texts: readonly string[];
  lengths: Float64Array;
  options: ScoreOptions;
  memo: Memo;
  advance: Advance;
}

/**
 * Scores every sentence (configuration specification 4.5): percentile ranks of lexical rarity, of syntax and of the distance from the nearest cluster centre,
 * weighted. Rarity and distance are ranked within deciles of sentence length, since raw they measure length. Same text, settings and seed: same scores.
 *
 * @param sentences those of `listSentences`
 */
export async function scoreSentences(sentences: readonly string[], options: ScoreOptions): Promise<Scores> {
  const { curriculum, data, seed, memo = direct, progress } = options;
  const weights: Record<Signal, number> = { lexical: curriculum.lexical_weight, syntactic: curriculum.syntactic_weight, centrality: curriculum.centrality_weight };
  const { texts, lengths, place } = scored(sentences);
  const english = weights.syntactic > 0 && isEnglish(texts);
  let done = 0;
  const total = texts.length * (Number(english) + Number(weights.centrality > 0));
  const advance: Advance = (count) => progress?.((done += count), total);
  const work: Work = { texts, lengths, options, memo, advance };

  // Both may be at work elsewhere; the rest is done meanwhile.
  const centrality = weights.centrality > 0 ? distanceFromCentres(work) : undefined;
  const parsed = english ? parseAll(work) : undefined;
  // One of them failing must not leave the other's failure unhandled.
  const both = Promise.all([centrality, parsed]);
  both.catch(() => undefined);
  const lexicalSettings = { version: LEXICAL_VERSION, size: data.idf_corpus_size, seed };
  const lexical = weights.lexical > 0 ? await memo('lexical', lexicalSettings, () => lexicalRarity(texts, sentences, lexicalSettings)) : undefined;
  const metrics = weights.syntactic > 0 ? await readabilityOf(work, english) : [];
  const [distance, features] = await both;

  const report: ScoreReport = {
    sentences: sentences.length,
    scored: texts.length,
    mean_words: lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length),
    weights,
    seed,
    versions: {
      ...(lexical && { lexical: LEXICAL_VERSION }),
      ...(features && { parse: PARSE_VERSION }),
      ...(metrics.length > 0 && { readability: READABILITY_VERSION }),
      ...(distance && { centrality: CLUSTER_VERSION }),
    },
    ...(distance && { embedder: { name: options.embedder.name, version: options.embedder.version, dimensions: distance.dimensions }, clusters: distance.k }),
    readability_metrics: metrics.map(({ metric }) => metric),
    length_correlation: {},
    left_out: english || weights.syntactic === 0 ? [] : [leftOut(data.readability_metrics)],
  };
  const ranked: Partial<Record<Signal, Float64Array>> = {};
  const keep = (signal: Signal, raw: ArrayLike<number>, ranks: Float64Array): void => {
    ranked[signal] = ranks;
    report.length_correlation[signal] = { raw: spearman(raw, lengths), rank: spearman(ranks, lengths) };
  };
  const groups = deciles(lengths);
  if (lexical) keep('lexical', lexical, ranksWithin(lexical, groups));
  if (weights.syntactic > 0) {
    const raw = syntax(lengths, features, metrics.map(({ values }) => values));
    keep('syntactic', raw, percentileRanks(raw));
  }
  if (distance) keep('centrality', distance.raw, ranksWithin(distance.raw, groups));

  const sum = new Float64Array(texts.length);
  for (const [signal, ranks] of Object.entries(ranked)) ranks.forEach((rank, i) => (sum[i]! += weights[signal as Signal] * rank));
  const spread = (values: Float64Array): Float64Array => Float64Array.from(place, (at) => (at < 0 ? NaN : values[at]!));
  return {
    complexity: spread(sum),
    ranks: Object.fromEntries(Object.entries(ranked).map(([signal, ranks]) => [signal, spread(ranks)])),
    report,
  };
}

/** What `make` gives for one block of sentences after another, each kept by itself. A text of one block is kept under the plain name. */
async function* inBlocks(name: string, settings: object, { texts, options, memo, advance }: Work, make: (block: readonly string[], advance: Advance) => Promise<Float32Array> | Float32Array) {
  const size = options.block ?? BLOCK;
  const whole = texts.length <= size;
  for (let from = 0; from < texts.length; from += size) {
    const block = texts.slice(from, from + size);
    let told = 0;
    const tell: Advance = (count) => {
      told += count;
      advance(count);
    };
    const values = await memo(whole ? name : `${name}-part`, whole ? settings : { ...settings, from, size }, () => make(block, tell));
    advance(block.length - told);
    yield { from, block, values };
  }
}

/** Counts of `PARSE_FEATURES`, [sentences × 4]. */
async function parseAll(work: Work): Promise<Float32Array> {
  const width = PARSE_FEATURES.length;
  const all = new Float32Array(work.texts.length * width);
  for await (const { from, values } of inBlocks('parse', { version: PARSE_VERSION }, work, work.options.parse)) all.set(values, from * width);
  return all;
}

/**
 * How far each sentence lies from the nearest centre. A text of one block is embedded once and kept; of a longer one the vectors of k-means' sample and of
 * one block are in memory, and the sample is embedded twice.
 */
async function distanceFromCentres(work: Work): Promise<{ raw: Float32Array; dimensions: number; k: number }> {
  const { texts, options, memo } = work;
  const { embedder, seed, block = BLOCK } = options;
  const n = texts.length;
  const k = Math.max(1, Math.min(options.curriculum.n_clusters, n));
  const identity = { name: embedder.name, version: embedder.version };
  const settings = { version: CLUSTER_VERSION, embedder: [embedder.name, embedder.version], k, seed };
  let fitted: Promise<Embed> | undefined;
  const embed = async (block: readonly string[], advance?: Advance): Promise<Float32Array> => {
    const how = await (fitted ??= embedder.fit?.(texts) ?? Promise.resolve(embedder.embed));
    return (await how(block, advance)).data;
  };
  const picked = clusterSample(n, seed);
  const centresOf = async (points: Embedding): Promise<Float64Array> => (options.fitCentres ?? fitCentres)(points, { k, seed: picked.seed });

  if (n <= block) {
    let vectors: Float32Array = new Float32Array(0);
    for await (const { values } of inBlocks('embedding', identity, work, embed)) vectors = values;
    const embedding = { data: vectors, dimensions: vectors.length / Math.max(1, n) };
    const raw = await memo('distance', settings, async () => distances(embedding, n, await centresOf(rowsOf(embedding, picked.sentences))));
    return { raw, dimensions: embedding.dimensions, k };
  }
  const data = await memo('embedding-sample', { ...identity, seed }, () => embed(Array.from(picked.sentences, (i) => texts[i]!)));
  const dimensions = data.length / picked.sentences.length;
  const raw = await memo('distance', { ...settings, block }, async () => {
    const centres = await centresOf({ data, dimensions });
    const all = new Float32Array(n);
    for await (const { from, block: own, values } of inBlocks('embedding', identity, work, embed)) all.set(distances({ data: values, dimensions }, own.length, centres), from);
    return all;
  });
  return { raw, dimensions, k };
}

/** The metrics that mean something in this text. */
async function readabilityOf({ texts, options, memo }: Work, english: boolean): Promise<{ metric: Metric; values: Float32Array }[]> {
  let counts: Counts | undefined;
  const result: { metric: Metric; values: Float32Array }[] = [];
  for (const metric of options.data.readability_metrics.filter((name) => english || name !== 'flesch')) {
    result.push({ metric, values: await memo(metric, { version: READABILITY_VERSION }, () => readability(metric, (counts ??= countsOf(texts)))) });
  }
  return result;
}

const leftOut = (metrics: readonly Metric[]): string =>
  'the text is not English: no parse features' + (metrics.includes('flesch') ? ' and no flesch, which count English words and syllables' : ', which need English');

/** Half the mean rank of what the parser counts, half the mean rank of the readability formulas; length where neither means anything. */
function syntax(lengths: Float64Array, features: Float32Array | undefined, metrics: readonly Float32Array[]): Float64Array {
  const mean = (lists: readonly Float64Array[]): Float64Array => Float64Array.from(lengths, (_, i) => lists.reduce((sum, list) => sum + list[i]!, 0) / lists.length);
  const halves: Float64Array[] = [];
  const width = PARSE_FEATURES.length;
  if (features) halves.push(mean(PARSE_FEATURES.map((_, f) => percentileRanks(Float64Array.from(lengths, (__, i) => features[i * width + f]!)))));
  if (metrics.length > 0) halves.push(mean(metrics.map((values) => percentileRanks(values))));
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
