import { join } from 'node:path';
import { ConfigError, startup } from '@mdiff/config';
import type { Issue, ProjectConfig, StageConfig } from '@mdiff/config';
import { assemble, makeUnits, packRows, selectUnits } from '@mdiff/curriculum';
import type { Batch, RowShape, Unit } from '@mdiff/curriculum';
import type { ScoreReport } from '@mdiff/curriculum/scores';
import { Tokenizer, holdOut, nearDuplicates } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { compressGpt2, loadSource, trainBpe } from '@mdiff/text/node';
import { readFile } from 'node:fs/promises';
import { MdiffError } from '@mdiff/folder';
import { sha256, writeFileWhole } from '@mdiff/folder/node';
import type { HeldOut } from './heldout.js';
import type { PrepareReporter } from './reporter.js';
import type { UnitScores } from './score.js';

/** Everything a run learns from, before any training. */
export interface Prepared {
  source: string;
  tokenizer: Tokenizer;
  train: Section[];
  heldOut: HeldOut | undefined;
  /** each stage's selection, in the order of the stages */
  unitsPerStage: Unit[][];
  rowsPerStage: number[];
  /** share of positions that are padding, per stage */
  padded: number[];
  /** how difficulty was measured; absent where no stage asks for it */
  scoring?: ScoreReport;
  notices: Issue[];
}

const texts = (sections: readonly Section[]): string[] => sections.map(({ paragraphs }) => paragraphs.map(({ text }) => text).join('\n'));

const builders = {
  bpe: { build: trainBpe, says: 'byte-level BPE' },
  gpt2_compressed: { build: compressGpt2, says: "GPT-2's vocabulary, cut to the training text," },
};

/** The tokenizer of the configuration: from `tokenizer.path`, else built from the training text, else from the cache of an earlier run. */
export async function tokenizerFor(config: ProjectConfig, train: readonly Section[]): Promise<Tokenizer> {
  const { path, type } = config.tokenizer;
  const limit = config.model.vocab_size;
  if (path !== null) {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new MdiffError('MDIFF_TOKENIZER', `tokenizer.path: expected a readable tokenizer.json, got ${JSON.stringify(path)} (${error.code ?? error.message})`, 2);
    });
    const tokenizer = Tokenizer.fromJson(text);
    if (tokenizer.vocabSize > limit) throw new ConfigError([startup.tokenizerTooLarge(config, tokenizer.vocabSize)]);
    if (tokenizer.special.mask !== config.model.mask_token_id) throw new ConfigError([startup.maskElsewhere(config, tokenizer.special.mask)]);
    return tokenizer;
  }
  const corpus = texts(train);
  const key = sha256(JSON.stringify([type, 1, limit, corpus])).slice(0, 32);
  const cached = join(config.cache_dir, 'tokenizers', `${key}.json`);
  const known = await readFile(cached, 'utf8').then((text) => JSON.parse(text) as { sum: string; tokenizer: string }, () => undefined);
  if (known && sha256(known.tokenizer) === known.sum) return Tokenizer.fromJson(known.tokenizer);
  const { tokenizer } = await builders[type].build(corpus, { vocabSize: limit });
  const text = JSON.stringify(tokenizer.toJson());
  await writeFileWhole(cached, JSON.stringify({ sum: sha256(text), tokenizer: text }));
  return tokenizer;
}

/** Reads the text, holds documents out, then learns the tokenizer and cuts units: nothing of the held-out text is seen before that. */
export async function prepare(config: ProjectConfig, reporter: PrepareReporter, tokenizerJson?: string, signal?: AbortSignal): Promise<Prepared> {
  reporter.phase('reading', config.data.source);
  const { documents, name, removed, notes } = await loadSource(config.data.source, { dataDir: config.data_dir, cwd: process.cwd(), format: config.data.format });
  const { train, heldOut } = holdOut(documents, config.training.val_split);
  if (train.length === 0) throw new MdiffError('MDIFF_TEXT', `data.source: expected text left to train on, got none beside the held-out part; use a longer text or set training.val_split to 0`, 2);
  const dropped = removed.reduce((sum, { from, to, what }) => sum + (what === 'unreadable file' ? 0 : to - from + 1), 0);
  reporter.note(`  ${train.length} documents to train on, ${heldOut.length} held out${dropped > 0 ? `; ${dropped} lines of headers, lists and notes left out` : ''}`);
  for (const { where, sample } of removed.filter(({ what }) => what === 'unreadable file')) reporter.note(`  not read: ${where}: ${sample}`);
  for (const note of notes) reporter.note(`  ${note}`);
  const again = nearDuplicates(train, heldOut).length;
  if (again > 0) reporter.note(`  ${again} held-out paragraphs are nearly the same as training ones, so the held-out score flatters; \`mdiff data inspect\` lists them`);

  const { path, type } = config.tokenizer;
  const built = path ?? `${builders[type].says} of at most ${config.model.vocab_size} tokens`;
  reporter.phase('tokenizing', tokenizerJson === undefined ? built : "the run's tokenizer");
  const tokenizer = tokenizerJson === undefined ? await tokenizerFor(config, train) : Tokenizer.fromJson(tokenizerJson);

  const shape: RowShape = { length: config.model.max_seq_len, shiftHead: config.model.shift_head };
  const unitsOf = (sections: readonly Section[], format: StageConfig['format_type']): Unit[] =>
    makeUnits(sections, tokenizer, { format, data: config.data, maxSlot: shape.length, shiftHead: shape.shiftHead, seed: config.seed });
  const scores = await scoresFor(config, train, tokenizer, reporter, signal);
  const byFormat = new Map<string, { units: Unit[]; complexity: ArrayLike<number> }>();
  const unitsPerStage = config.curriculum.stages.map(({ format_type, data_selection }) => {
    const known = byFormat.get(format_type);
    const units = known?.units ?? unitsOrNone(() => unitsOf(train, format_type));
    const complexity = known?.complexity ?? scores?.of(units) ?? new Float64Array(units.length);
    byFormat.set(format_type, { units, complexity });
    return selectUnits(units, complexity, data_selection, config.curriculum);
  });
  const empty = config.curriculum.stages.flatMap((stage, i) => (unitsPerStage[i]!.length > 0 ? [] : [{ stage, i, ...byFormat.get(stage.format_type)! }]));
  if (empty.length > 0) throw new MdiffError('MDIFF_TEXT', `${noText(empty, config)}; use a longer text, a smaller data.min_sentence_length or data_selection "all"`, 2);
  const packings = unitsPerStage.map((units) => packRows(units, shape));
  // The held-out text is always whole paragraphs, whatever the stages: figures of different plans are comparable.
  const kept = heldOut.length === 0 ? [] : unitsOf(heldOut, 'paragraphs');
  return {
    source: name,
    tokenizer,
    train,
    heldOut: kept.length === 0 ? undefined : heldOutOf(kept, heldOut.length, shape, config.training.val_batch_size ?? config.training.batch_size),
    unitsPerStage,
    rowsPerStage: packings.map(({ rows }) => rows.length),
    padded: packings.map(({ padded }) => padded),
    ...(scores && { scoring: scores.report }),
    notices: scores?.notices ?? [],
  };
}

/** A format that the text has nothing for: its stages are named together with the others that get nothing. */
export function unitsOrNone(make: () => Unit[]): Unit[] {
  try {
    return make();
  } catch (error) {
    if ((error as { code?: string }).code !== 'MDIFF_CURRICULUM') throw error;
    return [];
  }
}

interface EmptyStage {
  stage: StageConfig;
  i: number;
  units: Unit[];
  complexity: ArrayLike<number>;
}

/** Which stages get nothing, and out of how much. */
function noText(empty: readonly EmptyStage[], { curriculum, data }: ProjectConfig): string {
  const got = ({ stage: { format_type }, units, complexity }: EmptyStage): string => {
    const bands = (['easy', 'medium', 'hard'] as const).map((band) => `${selectUnits(units, complexity, band, curriculum).length} ${band}`);
    const short = { paragraphs: '', sentences: ` of ${data.min_sentence_length} tokens or more`, pairs: ` of sentences of ${data.min_sentence_length} tokens or more` }[format_type];
    return units.length > 0 ? `none of ${units.length} (${bands.join(', ')})` : `none, since the text has no ${format_type}${short}`;
  };
  const wanted = ({ stage: { name, format_type, data_selection } }: EmptyStage): string => `${format_type} (${data_selection}) for stage "${name}"`;
  const [first] = empty;
  if (empty.length === 1) return `curriculum.stages[${first!.i}]: expected ${wanted(first!)}, got ${got(first!)}`;
  return `curriculum.stages: expected text for each of ${curriculum.stages.length} stages, got nothing for ${empty.length}: ${empty.map((one) => `${wanted(one)}: ${got(one)}`).join('; ')}`;
}

/** Difficulty of the training text, when a stage asks for a part of it; it is not even loaded otherwise. */
async function scoresFor(config: ProjectConfig, train: readonly Section[], tokenizer: Tokenizer, reporter: PrepareReporter, signal?: AbortSignal): Promise<UnitScores | undefined> {
  if (config.curriculum.stages.every(({ data_selection }) => data_selection === 'all')) return undefined;
  reporter.phase('scoring', 'how hard each sentence is');
  const { scoreText } = await import('./score.js');
  const scores = await scoreText(config, train, tokenizer, (done, total) => reporter.progress('scored', done, total), signal);
  for (const text of scores.report.left_out) reporter.note(`  ${text}`);
  return scores;
}

function heldOutOf(units: readonly Unit[], documents: number, shape: RowShape, B: number): HeldOut {
  const { rows } = packRows(units, shape);
  const batches: Batch[] = [];
  for (let at = 0; at < rows.length; at += B) batches.push(assemble(rows.slice(at, at + B), B, shape));
  return {
    batches,
    documents,
    tokens: units.reduce((sum, { tokens }) => sum + tokens.length + 1, 0),
    bytes: units.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
