import { join } from 'node:path';
import { blendAt, formatIssue, stageSteps, startup } from '@mdiff/config';
import type { ProjectConfig, StageConfig } from '@mdiff/config';
import { makeUnits, packRows, selectUnits, slotOverhead } from '@mdiff/curriculum';
import type { RowShape, Unit } from '@mdiff/curriculum';
import type { Survey } from '@mdiff/curriculum/scores';
import { maskUnit, stream } from '@mdiff/diffusion';
import { holdOut } from '@mdiff/text';
import type { Tokenizer } from '@mdiff/text';
import { loadSource } from '@mdiff/text/node';
import { tokenizerFor, unitsOrNone } from './data.js';
import { MdiffError } from '@mdiff/folder';
import type { PrepareReporter } from './reporter.js';

// What a run would see of a text, stage by stage, and how hard it is: the figures of `mdiff data report`. Nothing is trained.

/** A unit, and how the network may meet it. */
export interface StageExample {
  /** its text in order, and whether the tokens of a piece are hidden */
  pieces: { text: string; hidden: boolean }[];
  tokens: number;
  complexity: number;
  /** the middle of the stage's range of masking rates */
  rate: number;
}

export interface StageSurvey {
  name: string;
  format: StageConfig['format_type'];
  selection: StageConfig['data_selection'];
  range: readonly [number, number];
  epochs: number;
  /** steps of the plan; undefined where some stage has no text */
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

/** Steps from `from` to `to` of the run (exclusive) in which nothing of the plan changes. */
export interface Stretch {
  from: number;
  to: number;
  stage: number;
  /** share of the rows that are the stage's own */
  weight: number;
  range: readonly [number, number];
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
  /** the plan over the run's steps; empty where some stage has no text */
  plan: Stretch[];
  survey: Survey;
  /** correlations of each column with each, row-major */
  correlations: { names: string[]; matrix: Float64Array };
  /** mean complexity of the scored sentences in each of up to 100 equal parts of the training text; NaN where a part has none */
  course: Float64Array;
  notices: string[];
}

/** Reads the text of a configuration as a run would, scores it, whatever the stages ask for, and cuts it for every stage. Aborting rejects with MDIFF_INTERRUPTED. */
export async function surveyText(config: ProjectConfig, reporter: PrepareReporter, signal?: AbortSignal): Promise<TextSurvey> {
  // Half a second of reading: only who scores pays for it.
  const [{ correlations, listSentences, surveySentences, unitComplexity }, { fileMemo, hashSentences, openScoring }] = await Promise.all([import('@mdiff/curriculum/scores'), import('./score.js')]);
  const { curriculum, data, model, seed } = config;
  reporter.phase('reading', data.source);
  const { documents, name } = await loadSource(data.source, { dataDir: config.data_dir, cwd: process.cwd(), format: data.format });
  const { train, heldOut } = holdOut(documents, config.training.val_split);
  if (train.length === 0) throw new MdiffError('MDIFF_TEXT', 'data.source: expected text left to train on, got none beside the held-out part; use a longer text or set training.val_split to 0', 2);
  reporter.phase('tokenizing');
  const tokenizer = await tokenizerFor(config, train);

  reporter.phase('scoring', 'how hard each sentence is');
  const sentences = listSentences(train);
  const scoring = await openScoring(config, signal);
  const { notice } = scoring;
  const survey = await surveySentences(sentences, {
    curriculum,
    data,
    seed,
    ...scoring.options,
    memo: fileMemo(join(config.cache_dir, 'scores'), hashSentences(sentences)),
    progress: (done, total) => reporter.progress('scored', done, total),
  }).finally(() => scoring.close());
  const { complexity, report } = survey.scores;

  reporter.phase('cutting', 'the text of each stage');
  const shape: RowShape = { length: model.max_seq_len, shiftHead: model.shift_head };
  const lengths = new Map<number, number>();
  const tokensOf = (sentence: number): number => {
    const known = lengths.get(sentence) ?? tokenizer.encode(sentences[sentence]!).length;
    lengths.set(sentence, known);
    return known;
  };
  const byFormat = new Map<string, { units: Unit[]; complexity: Float64Array }>();
  const cut = curriculum.stages.map((stage, i) => {
    let known = byFormat.get(stage.format_type);
    if (!known) {
      const units = unitsOrNone(() => makeUnits(train, tokenizer, { format: stage.format_type, data, maxSlot: shape.length, shiftHead: shape.shiftHead, seed }));
      byFormat.set(stage.format_type, (known = { units, complexity: unitComplexity(units, complexity, tokensOf) }));
    }
    const { units } = known;
    const own = selectUnits(units, known.complexity, stage.data_selection, curriculum);
    const hardness = new Map(units.map((unit, at) => [unit, known.complexity[at]!]));
    const ranked = own.map((unit) => ({ unit, complexity: hardness.get(unit)! }));
    return { stage, of: known.complexity, ranked, packing: packRows(own, shape), examples: examplesOf(ranked, stage, i, tokenizer, config) };
  });
  const steps = cut.every(({ packing }) => packing.rows.length > 0) ? stageSteps(config, cut.map(({ packing }) => packing.rows.length)) : undefined;

  const notices = [
    ...(notice && curriculum.centrality_weight > 0 ? [formatIssue(notice)] : []),
    ...(report.clusters !== undefined && report.clusters < curriculum.n_clusters ? [formatIssue(startup.clustersClamped(config, report.clusters))] : []),
    ...report.left_out,
    ...cut.flatMap(({ stage, of, ranked }) => (ranked.length > 0 ? [] : [`stage "${stage.name}" gets no text: none of ${of.length} ${stage.format_type} is ${stage.data_selection}; a run would refuse this plan`])),
  ];
  const texts = train.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text));
  const columns: [string, ArrayLike<number>][] = [
    ['words', survey.lengths],
    ...survey.measures.map(({ name: measure, values }): [string, ArrayLike<number>] => [measure, values]),
    ...Object.entries(survey.ranks).map(([signal, ranks]): [string, ArrayLike<number>] => [`${signal} rank`, ranks]),
    ['complexity', survey.complexity],
  ];
  return {
    source: name,
    titles: documents.map(({ title }) => title),
    documents: { train: train.length, heldOut: heldOut.length },
    vocabulary: { size: tokenizer.vocabSize, from: config.tokenizer.path ?? config.tokenizer.type },
    tokens: texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    length: shape.length - slotOverhead(shape.shiftHead),
    thresholds: { easy: curriculum.easy_threshold, hard: curriculum.hard_threshold },
    fullRangeFraction: curriculum.full_range_fraction,
    stages: cut.map(({ stage, of, ranked, packing, examples }, i) => ({
      name: stage.name,
      format: stage.format_type,
      selection: stage.data_selection,
      range: stage.masking_rate_range,
      epochs: stage.epochs,
      steps: steps?.[i],
      complexity: of,
      selected: { complexity: Float64Array.from(ranked, (one) => one.complexity), tokens: Int32Array.from(ranked, ({ unit }) => unit.tokens.length) },
      rows: packing.rows.length,
      padded: packing.padded,
      examples,
    })),
    plan: steps ? stretches(config, steps) : [],
    survey,
    correlations: { names: columns.map(([column]) => column), matrix: correlations(columns.map(([, values]) => values), seed) },
    course: courseOf(complexity),
    notices,
  };
}

const SHOWN_AT = [0.02, 0.5, 0.98];

/** Units at the easy end, in the middle and at the hard end; of those near such a place the one whose length is nearest the typical. */
function examplesOf(ranked: readonly { unit: Unit; complexity: number }[], stage: StageConfig, index: number, tokenizer: Tokenizer, config: ProjectConfig): StageExample[] {
  const order = [...ranked].sort((a, b) => a.complexity - b.complexity || a.unit.id - b.unit.id);
  const sizes = ranked.map(({ unit }) => unit.tokens.length).sort((a, b) => a - b);
  const typical = Math.min(60, sizes[sizes.length >> 1] ?? 0);
  const around = Math.max(1, Math.round(order.length / 50));
  const chosen = new Set<(typeof order)[number]>();
  for (const share of SHOWN_AT) {
    const at = Math.round(share * (order.length - 1));
    const near = order.slice(Math.max(0, at - around), at + around + 1).filter((one) => !chosen.has(one));
    const off = ({ unit }: (typeof near)[number]): number => Math.abs(unit.tokens.length - typical);
    const best = near.sort((a, b) => off(a) - off(b) || a.unit.id - b.unit.id)[0];
    if (best) chosen.add(best);
  }
  const rate = (stage.masking_rate_range[0] + stage.masking_rate_range[1]) / 2;
  return [...chosen].map(({ unit: { tokens, id }, complexity }) => {
    const { positions } = maskUnit({ length: tokens.length, t: rate, sampling: config.training.mask_sampling, rng: stream(config.seed, 'report', index, id) });
    return { pieces: piecesOf(tokens, new Set(positions), tokenizer), tokens: tokens.length, complexity, rate };
  });
}

function piecesOf(tokens: Int32Array, hidden: ReadonlySet<number>, tokenizer: Tokenizer): StageExample['pieces'] {
  const pieces: StageExample['pieces'] = [];
  for (let from = 0; from < tokens.length; ) {
    let to = from + 1;
    while (to < tokens.length && hidden.has(to) === hidden.has(from)) to++;
    pieces.push({ text: tokenizer.decode(tokens.subarray(from, to)), hidden: hidden.has(from) });
    from = to;
  }
  return pieces;
}

function stretches(config: ProjectConfig, steps: readonly number[]): Stretch[] {
  const found: Stretch[] = [];
  let first = 0;
  for (const [stage, count] of steps.entries()) {
    // A plan may have millions of steps, a picture no more than this.
    const parts = Math.min(count, 1000);
    for (let part = 0; part < parts; part++) {
      const [from, to] = [first + Math.floor((part * count) / parts), first + Math.floor(((part + 1) * count) / parts)];
      const { weight, range } = blendAt(config, steps, from);
      const last = found.at(-1);
      if (last?.stage === stage && last.weight === weight && last.range[0] === range[0] && last.range[1] === range[1]) last.to = to;
      else found.push({ from, to, stage, weight, range });
    }
    first += count;
  }
  return found;
}

const PARTS = 100;

function courseOf(complexity: Float64Array): Float64Array {
  const parts = Math.min(PARTS, complexity.length);
  const sums = new Float64Array(parts);
  const counts = new Float64Array(parts);
  complexity.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const part = Math.floor((i * parts) / complexity.length);
    sums[part]! += value;
    counts[part]! += 1;
  });
  return sums.map((sum, part) => sum / counts[part]!);
}
