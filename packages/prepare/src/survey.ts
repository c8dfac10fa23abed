import { join } from 'node:path';
import { stageSteps } from '@mdiff/config';
import type { Issue, ProjectConfig, StageConfig } from '@mdiff/config';
import { slotOverhead } from '@mdiff/curriculum';
import type { Survey } from '@mdiff/curriculum/scores';
import type { Section, Tokenizer } from '@mdiff/text';
import { readCorpus } from './corpus.js';
import { courseOf, stretchesOf } from './course.js';
import type { Stretch } from './course.js';
import { cutStages } from './cut.js';
import type { StageText } from './cut.js';
import { examplesOf } from './examples.js';
import type { StageExample } from './examples.js';
import { pauses } from './pause.js';
import type { PrepareReporter } from './reporter.js';
import { tokenizerFor } from './tokenizer.js';

// The figures of `mdiff data report`: the text of each stage, and how hard it is. Nothing is trained.

export interface StageSurvey {
  name: string;
  format: StageConfig['format_type'];
  selection: StageConfig['data_selection'];
  range: readonly [number, number];
  epochs: number;
  /** undefined where some stage has no text */
  steps: number | undefined;
  /** complexity of all units of the format, whatever is selected */
  complexity: Float64Array;
  /** complexity and tokens of the selected ones */
  selected: { complexity: Float64Array; tokens: Int32Array };
  rows: number;
  /** share of the rows' positions that is padding */
  padded: number;
  /** from easy to hard; none where nothing is selected */
  examples: StageExample[];
}

export interface TextSurvey {
  source: string;
  titles: string[];
  documents: { train: number; heldOut: number };
  vocabulary: { size: number; from: string };
  tokens: number;
  bytes: number;
  /** positions of a row */
  length: number;
  thresholds: { easy: number; hard: number };
  fullRangeFraction: number;
  stages: StageSurvey[];
  /** the stages over the run's steps; empty where some stage has no text */
  stretches: Stretch[];
  survey: Survey;
  /** correlations of each column with each, row-major */
  correlations: { names: string[]; matrix: Float64Array };
  /** mean complexity of the scored sentences in each of up to 100 equal parts of the training text; NaN where a part has none */
  course: Float64Array;
  notices: string[];
}

/**
 * Reads the text of a configuration as a run would, scores it even if no stage asks for it, and cuts it for every stage.
 * Aborting rejects with MDIFF_INTERRUPTED.
 */
export async function surveyText(config: ProjectConfig, reporter: PrepareReporter, signal?: AbortSignal): Promise<TextSurvey> {
  const { curriculum } = config;
  const pause = pauses(signal);
  const { source, train, heldOut } = await readCorpus(config, reporter, signal);
  reporter.phase('tokenizing');
  const tokenizer = await tokenizerFor(config, train, signal);
  reporter.phase('scoring', 'how hard each sentence is');
  const { survey, sentences, notice } = await scoreAll(config, train, { reporter, ...(signal && { signal }) });
  const { complexity } = survey.scores;
  reporter.phase('cutting', 'the text of each stage');
  // Loading these takes half a second: only commands that score pay for it.
  const [{ unitComplexity }, { sentenceLengths }] = await Promise.all([import('@mdiff/curriculum/scores'), import('./score.js')]);
  const lengths = sentenceLengths(sentences, tokenizer);
  const texts = await cutStages(config, train, { tokenizer, pause, complexityOf: (units) => unitComplexity(units, complexity, lengths) });
  const rows = texts.map(({ packing }) => packing.rows.length);
  const steps = rows.every((count) => count > 0) ? stageSteps(config, rows) : undefined;
  const paragraphs = train.flatMap((section) => section.paragraphs.map(({ text }) => text));
  return {
    source: source.name,
    titles: source.documents.map(({ title }) => title),
    documents: { train: train.length, heldOut: heldOut.length },
    vocabulary: { size: tokenizer.vocabSize, from: config.tokenizer.path ?? config.tokenizer.type },
    tokens: paragraphs.reduce((sum, text) => sum + tokenizer.encode(text).length, 0),
    bytes: paragraphs.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    length: config.model.max_seq_len - slotOverhead(config.model.shift_head),
    thresholds: { easy: curriculum.easy_threshold, hard: curriculum.hard_threshold },
    fullRangeFraction: curriculum.full_range_fraction,
    stages: texts.map((text, index) => surveyStage(text, { index, steps: steps?.[index], tokenizer, config })),
    stretches: steps ? stretchesOf(config, steps) : [],
    survey,
    correlations: await correlate(survey, config.seed),
    course: courseOf(complexity),
    notices: noticesOf(config, survey, { texts, notice }),
  };
}

/** Scores all sentences of the training text. */
async function scoreAll(
  config: ProjectConfig,
  train: readonly Section[],
  { reporter, signal }: { reporter: PrepareReporter; signal?: AbortSignal },
): Promise<{ survey: Survey; sentences: string[]; notice: Issue | undefined }> {
  const [{ listSentences, surveySentences }, { fileMemo, hashSentences }, { openScoring }] = await Promise.all([
    import('@mdiff/curriculum/scores'),
    import('./memo.js'),
    import('./scoring.js'),
  ]);
  const { curriculum, data, seed } = config;
  const sentences = listSentences(train);
  const scoring = await openScoring(config, { signal });
  const survey = await surveySentences(sentences, {
    curriculum,
    data,
    seed,
    ...scoring.options,
    memo: fileMemo(join(config.cache_dir, 'scores'), hashSentences(sentences)),
    progress: (done, total) => reporter.progress('scored', done, total),
  }).finally(() => scoring.close());
  return { survey, sentences, notice: scoring.notice };
}

interface StageContext {
  index: number;
  steps: number | undefined;
  tokenizer: Tokenizer;
  config: ProjectConfig;
}

function surveyStage(
  { stage, units, complexity, selected, packing }: StageText,
  { index, steps, tokenizer, config }: StageContext,
): StageSurvey {
  const complexityOf = new Map(units.map((unit, i) => [unit, complexity[i]!]));
  const ranked = selected.map((unit) => ({ unit, complexity: complexityOf.get(unit)! }));
  return {
    name: stage.name,
    format: stage.format_type,
    selection: stage.data_selection,
    range: stage.masking_rate_range,
    epochs: stage.epochs,
    steps,
    complexity: Float64Array.from(complexity),
    selected: {
      complexity: Float64Array.from(ranked, (unit) => unit.complexity),
      tokens: Int32Array.from(selected, ({ tokens }) => tokens.length),
    },
    rows: packing.rows.length,
    padded: packing.padded,
    examples: examplesOf(ranked, { stage, index, tokenizer, config }),
  };
}

function noticesOf(
  config: ProjectConfig,
  { scores: { report } }: Survey,
  { texts, notice }: { texts: readonly StageText[]; notice: Issue | undefined },
): string[] {
  const { centrality_weight, n_clusters } = config.curriculum;
  const empty = texts.filter(({ selected }) => selected.length === 0);
  return [
    ...(notice && centrality_weight > 0 ? [`Sentence encoder: ${notice.message}.`] : []),
    ...(report.clusters !== undefined && report.clusters < n_clusters
      ? [`The text gives ${report.clusters} clusters, not the ${n_clusters} of curriculum.n_clusters.`]
      : []),
    ...report.left_out,
    ...empty.map(
      ({ stage, units }) =>
        `The stage "${stage.name}" gets no text: none of ${units.length} ${stage.format_type} is ${stage.data_selection}; a run would refuse these stages.`,
    ),
  ];
}

/** Correlations of each measure and rank with each. */
async function correlate({ lengths, measures, ranks, complexity }: Survey, seed: number): Promise<TextSurvey['correlations']> {
  const { correlations } = await import('@mdiff/curriculum/scores');
  const columns: [string, ArrayLike<number>][] = [
    ['words', lengths],
    ...measures.map(({ name, values }): [string, ArrayLike<number>] => [name, values]),
    ...Object.entries(ranks).map(([signal, values]): [string, ArrayLike<number>] => [`${signal} rank`, values]),
    ['complexity', complexity],
  ];
  return {
    names: columns.map(([name]) => name),
    matrix: correlations(
      columns.map(([, values]) => values),
      seed,
    ),
  };
}
