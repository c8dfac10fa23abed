import type { Issue, ProjectConfig } from '@mdiff/config';
import { storeOf } from '@mdiff/curriculum';
import type { Unit, UnitStore } from '@mdiff/curriculum';
import type { ScoreReport } from '@mdiff/curriculum/scores';
import { MdiffError } from '@mdiff/folder';
import { Tokenizer } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { readCorpus } from './corpus.js';
import { fingerprintText } from './fingerprint.js';
import type { TextFingerprint } from './fingerprint.js';
import { cutStages, rowShape, stagesWithoutText, unitsOf } from './cut.js';
import { maskable, packHeldOut, sampleNote, sampleUnits } from './heldout.js';
import type { HeldOut } from './heldout.js';
import type { PrepareReporter } from './reporter.js';
import type { UnitScores } from './score.js';
import { describeTokenizer, tokenizerFor } from './tokenizer.js';

/** The text of a run, ready for training. */
export interface Prepared {
  source: string;
  text: TextFingerprint;
  tokenizer: Tokenizer;
  /** documents to train on */
  documents: number;
  heldOut: HeldOut | undefined;
  /** each stage's selection, in the order of the stages */
  unitsPerStage: UnitStore[];
  rowsPerStage: number[];
  /** share of positions that are padding, per stage */
  padded: number[];
  /** how difficulty was measured; absent where no stage asks for it */
  scoring?: ScoreReport;
  notices: Issue[];
}

export interface PrepareOptions {
  /** the tokenizer that a resumed run began with; without it one is learnt from the text */
  tokenizerJson?: string;
  signal?: AbortSignal;
  /** called as soon as the text is read; may throw to refuse it */
  onText?(text: TextFingerprint): void;
}

/** Reads the text, holds documents out, then learns the tokenizer and cuts units, so that nothing is learnt from the held-out text. */
export async function prepare(
  config: ProjectConfig,
  reporter: PrepareReporter,
  { tokenizerJson, signal, onText }: PrepareOptions = {},
): Promise<Prepared> {
  const { source, train, heldOut } = await readCorpus(config, reporter, signal);
  const text = fingerprintText(config.data.source, source);
  onText?.(text);
  reporter.phase('tokenizing', tokenizerJson === undefined ? describeTokenizer(config) : "the run's tokenizer");
  const tokenizer = tokenizerJson === undefined ? await tokenizerFor(config, train) : Tokenizer.fromJson(tokenizerJson);
  const scores = await scoresFor(config, train, { tokenizer, reporter, ...(signal && { signal }) });
  const texts = cutStages(config, train, { tokenizer, complexityOf: (units) => scores?.of(units) ?? new Float64Array(units.length) });
  const problem = stagesWithoutText(texts, config);
  if (problem !== undefined)
    throw new MdiffError('MDIFF_TEXT', `${problem}; use a longer text, a smaller data.min_sentence_length or data_selection "all"`, 2);
  // The held-out text is always whole paragraphs, whatever the stages: figures of different curricula are comparable.
  const heldOutUnits = heldOut.length === 0 ? [] : unitsOf(config, heldOut, tokenizer, 'paragraphs');
  const evaluated = evaluatedPart(config, heldOutUnits, heldOut.length);
  const note = evaluated && sampleNote(evaluated);
  if (note !== undefined) reporter.note(`  ${note}`);
  return {
    source: source.name,
    text,
    tokenizer,
    documents: train.length,
    heldOut: evaluated,
    unitsPerStage: texts.map(({ selected }) => storeOf(selected)),
    rowsPerStage: texts.map(({ packing }) => packing.rows.length),
    padded: texts.map(({ packing }) => packing.padded),
    ...(scores && { scoring: scores.report }),
    notices: scores?.notices ?? [],
  };
}

/** The held-out units that evaluations read. */
function evaluatedPart(config: ProjectConfig, units: readonly Unit[], documents: number): HeldOut | undefined {
  const { seed, training } = config;
  const lengths = units.map(({ tokens }) => tokens.length);
  const sample = sampleUnits(lengths, { seed, most: training.eval_max_tokens }).map((i) => units[i]!);
  return packHeldOut(sample, {
    documents,
    shape: rowShape(config),
    batchSize: training.val_batch_size ?? training.batch_size,
    of: maskable(units),
  });
}

interface ScoringOptions {
  tokenizer: Tokenizer;
  reporter: PrepareReporter;
  signal?: AbortSignal;
}

/** Difficulty of the training text, when a stage asks for a part of it; the code is not even loaded otherwise. */
async function scoresFor(
  config: ProjectConfig,
  train: readonly Section[],
  { tokenizer, reporter, signal }: ScoringOptions,
): Promise<UnitScores | undefined> {
  if (config.curriculum.stages.every(({ data_selection }) => data_selection === 'all')) return undefined;
  reporter.phase('scoring', 'how hard each sentence is');
  const { scoreText } = await import('./score.js');
  const scores = await scoreText(config, train, {
    tokenizer,
    progress: (done, total) => reporter.progress('scored', done, total),
    ...(signal && { signal }),
  });
  for (const text of scores.report.left_out) reporter.note(`  ${text}`);
  return scores;
}
