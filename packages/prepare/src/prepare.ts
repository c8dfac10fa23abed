import { getHeapStatistics } from 'node:v8';
import type { ProjectConfig } from '@mdiff/config';
import { storeOf } from '@mdiff/curriculum';
import type { Unit } from '@mdiff/curriculum';
import { MdiffError } from '@mdiff/folder';
import { Tokenizer } from '@mdiff/text';
import type { Section } from '@mdiff/text';
import { measureSource } from '@mdiff/text/node';
import { readCorpus } from './corpus.js';
import { fingerprintText } from './fingerprint.js';
import { cutStages, evaluatedUse, refuseEmptyStages, unitsOf } from './cut.js';
import { evaluatedPart, sampleNote } from './heldout.js';
import { pauses } from './pause.js';
import type { Prepared, PrepareOptions } from './prepared.js';
import type { PrepareReporter } from './reporter.js';
import { prepareShelf } from './shelf/prepare.js';
import type { ScoreTextOptions, UnitScores } from './score.js';
import { describeTokenizer, tokenizerFor } from './tokenizer.js';

// A source of more bytes is read file by file into the token cache. The longest novels have three million; in memory a text takes sixteen times its size.
const SHELF_BYTES = 4_000_000;

/**
 * Reads the text, holds documents out, then learns the tokenizer and cuts units, so that nothing is learnt from the held-out text. Aborting rejects with
 * MDIFF_INTERRUPTED; the work in the cache is kept.
 */
export async function prepare(config: ProjectConfig, reporter: PrepareReporter, options: PrepareOptions = {}): Promise<Prepared> {
  const { data, data_dir, curriculum } = config;
  const size = await measureSource(data.source, { dataDir: data_dir });
  const scored = curriculum.stages.some(({ data_selection }) => data_selection !== 'all');
  try {
    if (!scored && size > (options.shelfBytes ?? SHELF_BYTES)) return await prepareShelf(config, reporter, { ...options, size });
    if (scored) refuseTooLarge(size);
    return await prepareBook(config, reporter, options);
  } catch (error) {
    if (!options.signal?.aborted || (error as { code?: string }).code === 'MDIFF_WRITE') throw error;
    throw interrupted(config, error);
  }
}

const interrupted = ({ cache_dir }: ProjectConfig, cause: unknown): MdiffError =>
  new MdiffError(
    'MDIFF_INTERRUPTED',
    `preparing the text was interrupted before any training; run the same command again: it goes on from the work in ${cache_dir}`,
    130,
    { cause },
  );

/** Bytes of memory for each byte of a text that is scored; 200 MB took 1,159 MB (docs/log/2026-11-28-scoring-large-texts.md). */
const MEMORY_RATIO = 6;

/** Refuses a text that cannot be scored in the memory of this process, before it is read. */
function refuseTooLarge(bytes: number): void {
  const [needed, limit] = [bytes * MEMORY_RATIO, getHeapStatistics().heap_size_limit];
  if (needed <= limit) return;
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
  throw new MdiffError(
    'MDIFF_TEXT',
    `curriculum.stages: scoring a text of ${Math.round(bytes / 1e6)} MB needs about ${gigabytes(needed)} of memory, and Node has ${gigabytes(limit)}; ` +
      'set data_selection to "all" in every stage, choose a shorter text, or raise the limit with NODE_OPTIONS=--max-old-space-size=…',
    2,
  );
}

/** Prepares a text in memory. */
async function prepareBook(
  config: ProjectConfig,
  reporter: PrepareReporter,
  { tokenizerJson, signal, onText, onEntry, helpers }: PrepareOptions,
): Promise<Prepared> {
  const pause = pauses(signal);
  const { source, train, heldOut } = await readCorpus(config, reporter, signal);
  const text = fingerprintText(config.data.source, source);
  onText?.(text);
  reporter.phase('tokenizing', tokenizerJson === undefined ? describeTokenizer(config) : "the run's tokenizer");
  const tokenizer = tokenizerJson === undefined ? await tokenizerFor(config, train, signal) : Tokenizer.fromJson(tokenizerJson);
  signal?.throwIfAborted();
  const scores = await scoresFor(config, train, { tokenizer, reporter, signal, onEntry, helpers });
  const complexityOf = (units: readonly Unit[]): Float64Array => scores?.of(units) ?? new Float64Array(units.length);
  const texts = await cutStages(config, train, { tokenizer, pause, complexityOf });
  refuseEmptyStages(config, texts);
  const heldOutUnits = await unitsOf(config, heldOut, evaluatedUse(config), { tokenizer, pause });
  const lengths = heldOutUnits.map(({ tokens }) => tokens.length);
  const evaluated = evaluatedPart(config, { lengths, unit: (i) => heldOutUnits[i]!, documents: heldOut.length })?.part;
  const note = evaluated && sampleNote(evaluated);
  if (note !== undefined) reporter.note(`  ${note}`);
  return {
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

interface BookScoring extends Pick<ScoreTextOptions, 'tokenizer' | 'signal' | 'onEntry' | 'helpers'> {
  reporter: PrepareReporter;
}

/** Difficulty of the training text, when a stage asks for a part of it; the code is not even loaded otherwise. */
async function scoresFor(
  config: ProjectConfig,
  train: readonly Section[],
  { reporter, ...options }: BookScoring,
): Promise<UnitScores | undefined> {
  if (config.curriculum.stages.every(({ data_selection }) => data_selection === 'all')) return undefined;
  reporter.phase('scoring', 'how hard each sentence is');
  const { scoreText } = await import('./score.js');
  const scores = await scoreText(config, train, {
    ...options,
    progress: (done, total) => reporter.progress('scored', done, total),
  });
  for (const text of scores.report.left_out) reporter.note(`  ${text}`);
  return scores;
}
