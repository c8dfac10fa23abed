import { PARSE_FEATURES, PARSE_VERSION } from './parse.js';
import { percentileRanks } from './rank.js';
import { READABILITY_VERSION, countsOf, readability, type Counts, type Metric } from './readability.js';
import { inBlocks, type Work } from './work.js';

/** Counts of `PARSE_FEATURES` in all sentences, [sentences × 4]. */
export async function parseAll(work: Work): Promise<Float32Array> {
  const width = PARSE_FEATURES.length;
  const all = new Float32Array(work.texts.length * width);
  for await (const { from, values } of inBlocks('parse', { version: PARSE_VERSION }, work, work.options.parse))
    all.set(values, from * width);
  return all;
}

export interface MetricValues {
  metric: Metric;
  values: Float32Array;
}

/** The configured metrics that have a meaning in this text: Flesch counts English syllables. */
export async function readabilityOf({ texts, options, memo }: Work, english: boolean): Promise<MetricValues[]> {
  let counts: Counts | undefined;
  const result: MetricValues[] = [];
  for (const metric of options.data.readability_metrics.filter((name) => english || name !== 'flesch')) {
    result.push({
      metric,
      values: await memo(metric, { version: READABILITY_VERSION }, () => readability(metric, (counts ??= countsOf(texts)))),
    });
  }
  return result;
}

/** Half the mean rank of the parser's counts, half the mean rank of the readability formulas; the rank of the length if there are neither. */
export function syntax(lengths: Float64Array, features: Float32Array | undefined, metrics: readonly MetricValues[]): Float64Array {
  const mean = (lists: readonly Float64Array[]): Float64Array =>
    Float64Array.from(lengths, (_, i) => lists.reduce((sum, list) => sum + list[i]!, 0) / lists.length);
  const halves: Float64Array[] = [];
  const width = PARSE_FEATURES.length;
  if (features)
    halves.push(mean(PARSE_FEATURES.map((_, f) => percentileRanks(Float64Array.from(lengths, (__, i) => features[i * width + f]!)))));
  if (metrics.length > 0) halves.push(mean(metrics.map(({ values }) => percentileRanks(values))));
  return halves.length > 0 ? mean(halves) : percentileRanks(lengths);
}
