import { mustBe } from '@mdiff/arguments';
import { isEnglish, scoredSentences } from './sentence.js';
import { centrality, type Centrality } from './signals/centrality.js';
import { CLUSTER_VERSION } from './signals/cluster.js';
import type { Advance } from './signals/embed.js';
import { LEXICAL_VERSION, lexicalRarity } from './signals/lexical.js';
import { PARSE_VERSION } from './signals/parse.js';
import { deciles, percentileRanks, ranksWithin, spearman } from './signals/rank.js';
import { READABILITY_VERSION, type Metric } from './signals/readability.js';
import { parseAll, readabilityOf, syntax, type MetricValues } from './signals/syntax.js';
import type { Memo, ScoreOptions, Work } from './signals/work.js';

export type Signal = 'lexical' | 'syntactic' | 'centrality';

/** Describes the scores; written beside them. */
export interface ScoreReport {
  /** sentences of prose, those that are scored (five words or more, each once), and their mean length in words */
  sentences: number;
  scored: number;
  mean_words: number;
  weights: Record<Signal, number>;
  seed: number;
  /** version of the code of each signal */
  versions: Record<string, string | number>;
  /** `instead_of`: the default embedder, if it is not installed on this machine (docs/configuration-specification.md, note N3) */
  embedder?: { name: string; version: string; dimensions: number; instead_of?: string };
  clusters?: number;
  readability_metrics: Metric[];
  /** Spearman's correlation with sentence length in words: of the raw signal, and of the rank that is weighted */
  length_correlation: Partial<Record<Signal, { raw: number; rank: number }>>;
  /** the parts that were left out, each with the reason */
  left_out: string[];
}

export interface Scores {
  /** one per sentence of the text: Σ weight · rank, in (0, 1); NaN for a sentence that is not scored. High is hard. */
  complexity: Float64Array;
  /** the ranks, likewise; signals of weight 0 are not computed */
  ranks: Partial<Record<Signal, Float64Array>>;
  report: ScoreReport;
}

const direct: Memo = async (_, __, make) => make();

/** The raw values of the signals, one per scored sentence; those of weight 0 are missing. */
interface RawSignals {
  lexical?: Float32Array | undefined;
  /** counts of the parser, for an English text only */
  features?: Float32Array | undefined;
  metrics: MetricValues[];
  centrality?: Centrality | undefined;
}

/**
 * Scores every sentence (docs/configuration-specification.md, section 4.5): percentile ranks of lexical rarity, of syntax and of the distance from the nearest
 * cluster centre, weighted. Rarity and distance are ranked within deciles of sentence length, because their raw values follow the length. The same text,
 * settings and seed give the same scores.
 *
 * @param sentences those of `listSentences`
 */
export async function scoreSentences(sentences: readonly string[], options: ScoreOptions): Promise<Scores> {
  mustBe('scoreSentences', 'sentences', sentences, 'list');
  mustBe('scoreSentences', 'options', options, 'object');
  const { curriculum, seed, memo = direct, progress } = options;
  const weights: Record<Signal, number> = {
    lexical: curriculum.lexical_weight,
    syntactic: curriculum.syntactic_weight,
    centrality: curriculum.centrality_weight,
  };
  const { texts, lengths, place } = scoredSentences(sentences);
  const english = weights.syntactic > 0 && isEnglish(texts);
  let done = 0;
  const total = texts.length * (Number(english) + Number(weights.centrality > 0));
  const advance: Advance = (count) => progress?.((done += count), total);
  const raw = await rawSignals({ texts, lengths, options, memo, advance }, sentences, weights, english);

  const ranked = rankSignals(raw, weights, lengths);
  const sum = new Float64Array(texts.length);
  for (const { signal, ranks } of ranked) ranks.forEach((rank, i) => (sum[i]! += weights[signal] * rank));
  const spread = (values: Float64Array): Float64Array => Float64Array.from(place, (index) => (index < 0 ? NaN : values[index]!));
  return {
    complexity: spread(sum),
    ranks: Object.fromEntries(ranked.map(({ signal, ranks }) => [signal, spread(ranks)])),
    report: {
      sentences: sentences.length,
      scored: texts.length,
      mean_words: lengths.reduce((words, length) => words + length, 0) / Math.max(1, texts.length),
      weights,
      seed,
      versions: versionsOf(raw),
      ...(raw.centrality && {
        embedder: { name: options.embedder.name, version: options.embedder.version, dimensions: raw.centrality.dimensions },
        clusters: raw.centrality.k,
      }),
      readability_metrics: raw.metrics.map(({ metric }) => metric),
      length_correlation: Object.fromEntries(ranked.map(({ signal, correlation }) => [signal, correlation])),
      left_out: english || weights.syntactic === 0 ? [] : [leftOut(options.data.readability_metrics)],
    },
  };
}

async function rawSignals(
  work: Work,
  corpus: readonly string[],
  weights: Readonly<Record<Signal, number>>,
  english: boolean,
): Promise<RawSignals> {
  const { texts, options, memo } = work;
  // Embedding and parsing may run in workers; the other signals are computed meanwhile.
  const distances = weights.centrality > 0 ? centrality(work) : undefined;
  const parsed = english ? parseAll(work) : undefined;
  const both = Promise.all([distances, parsed]);
  // If one fails, the failure of the other must not stay unhandled.
  both.catch(() => undefined);
  const settings = { version: LEXICAL_VERSION, size: options.data.idf_corpus_size, seed: options.seed };
  const lexical = weights.lexical > 0 ? await memo('lexical', settings, () => lexicalRarity(texts, corpus, settings)) : undefined;
  const metrics = weights.syntactic > 0 ? await readabilityOf(work, english) : [];
  const [distance, features] = await both;
  return { lexical, features, metrics, centrality: distance };
}

interface RankedSignal {
  signal: Signal;
  ranks: Float64Array;
  /** with sentence length */
  correlation: { raw: number; rank: number };
}

function rankSignals(
  { lexical, features, metrics, centrality: distance }: RawSignals,
  weights: Readonly<Record<Signal, number>>,
  lengths: Float64Array,
): RankedSignal[] {
  const ranked: RankedSignal[] = [];
  const add = (signal: Signal, raw: ArrayLike<number>, ranks: Float64Array) =>
    ranked.push({ signal, ranks, correlation: { raw: spearman(raw, lengths), rank: spearman(ranks, lengths) } });
  const groups = deciles(lengths);
  if (lexical) add('lexical', lexical, ranksWithin(lexical, groups));
  if (weights.syntactic > 0) {
    const raw = syntax(lengths, features, metrics);
    add('syntactic', raw, percentileRanks(raw));
  }
  if (distance) add('centrality', distance.values, ranksWithin(distance.values, groups));
  return ranked;
}

const versionsOf = ({ lexical, features, metrics, centrality: distance }: RawSignals): ScoreReport['versions'] => ({
  ...(lexical && { lexical: LEXICAL_VERSION }),
  ...(features && { parse: PARSE_VERSION }),
  ...(metrics.length > 0 && { readability: READABILITY_VERSION }),
  ...(distance && { centrality: CLUSTER_VERSION }),
});

const leftOut = (metrics: readonly Metric[]): string =>
  'the text is not English: no parse features' +
  (metrics.includes('flesch') ? ' and no flesch, which count English words and syllables' : ', which need English');
