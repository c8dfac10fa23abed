import { count, integer, interruptible, print, progressLine, UsageError } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import {
  boundOf,
  chainRuleOf,
  cutText,
  evaluateWriting,
  excerpts,
  figuresOfTexts,
  isAutoregressive,
  loadText,
  type Model,
  type SamplingOptions,
  type ScoredUnit,
} from '@mdiff/generate';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Evaluation } from './evaluatetext.js';
import { addCommonFlags, type CommonFlags, shorthand } from './flags.js';
import type { Hooks, OwnText } from './graphs.js';
import { pathOf } from './graphs.js';
import { scoredText } from './input.js';
import { folderOf, openFolder, without } from './open.js';

interface EvaluateFlags extends CommonFlags {
  masks: number;
  chainTokens: number;
  temperatures: readonly number[];
  texts: number;
  maxTokens: number;
  book?: string;
  seed?: number;
  json?: boolean;
}

/** The text to evaluate, and the training text to compare with. */
interface Texts {
  readonly name: string;
  readonly units: readonly ScoredUnit[];
  /** paragraphs of the training text */
  readonly book?: readonly string[];
  readonly seed: number;
}

interface Work {
  readonly model: Model;
  /** the model folder as the user named it */
  readonly path: string;
  readonly flags: EvaluateFlags;
  readonly hooks: Hooks;
  readonly evaluation: Evaluation;
  readonly signal: AbortSignal;
  readonly progress: ReturnType<typeof progressLine>;
}

const seedOf = ({ seed }: EvaluateFlags, own: OwnText | undefined, sampling: SamplingOptions): number =>
  seed ?? own?.seed ?? sampling.seed ?? 42;

/** The training text of the model; a reason where it is not here. */
async function ownText({ path, hooks, signal }: Work): Promise<OwnText | string> {
  try {
    return (
      (await hooks.textOfModel?.(path, signal)) ??
      'the package that reads the training text is not installed; run: npm install @mdiff/trainer'
    );
  } catch (error) {
    if (signal.aborted || !String((error as { code?: unknown }).code).startsWith('MDIFF_')) throw error;
    return (error as Error).message.replace(/^data\.source: /, '');
  }
}

async function textsOf(work: Work, argument: string | undefined, sampling: SamplingOptions): Promise<Texts> {
  const { model, flags, evaluation } = work;
  const own = flags.book !== undefined && argument !== undefined ? undefined : await ownText(work);
  const found = typeof own === 'string' ? undefined : own;
  if (argument === undefined && !found?.heldOut.length)
    throw new UsageError(
      `evaluate: no held-out text of this model is here (${typeof own === 'string' ? own : 'nothing was held out'}); give a text or a file as the second argument`,
    );
  const units = await cutText(model, argument === undefined ? { units: found!.heldOut } : await scoredText('evaluate', argument));
  const book = flags.book === undefined ? found?.train : await loadText(flags.book);
  if (book === undefined && typeof own === 'string')
    evaluation.notes.push(`not compared with the training text: ${own}; --book <file> names it`);
  return {
    name: argument ?? `the held-out part of ${found!.source}`,
    units,
    seed: seedOf(flags, found, sampling),
    ...(book && { book }),
  };
}

/** The bound with its parts, and the chain rule on a sample. */
async function measure(work: Work, { units, seed }: Texts): Promise<void> {
  const { model, flags, evaluation, signal, progress } = work;
  if (isAutoregressive(model)) {
    evaluation.notes.push('this model was trained by next-token prediction alone: its NELBO would mean nothing and is left out');
  } else {
    const bands = await bandsOf(work, units);
    const onPass = (done: number, total: number): void => progress.show(`NELBO: ${done}/${total} canvases`);
    evaluation.bound = await boundOf(model, units, { seed, levels: flags.masks, ...(bands && { bands }), signal, onPass });
  }
  if (flags.chainTokens === 0) return;
  const onPass = (done: number, total: number): void => progress.show(`chain rule: ${done}/${total}`);
  evaluation.chainRule = await chainRuleOf(model, units, { tokens: flags.chainTokens, seed, levels: flags.masks, signal, onPass });
}

async function bandsOf({ path, hooks, evaluation, signal }: Work, units: readonly ScoredUnit[]): Promise<readonly string[] | undefined> {
  if (units.length < 3) return undefined;
  try {
    return await hooks.bandsOfTexts?.(
      path,
      units.map(({ text }) => text),
      signal,
    );
  } catch (error) {
    if (signal.aborted) throw error;
    evaluation.notes.push(`no difficulty bands: ${(error as Error).message}`);
    return undefined;
  }
}

async function write({ model, flags, evaluation, signal, progress }: Work, texts: Texts, sampling: SamplingOptions): Promise<void> {
  const { seed, book, units } = texts;
  // The number of texts, their length and the temperature are this command's.
  const rest = without(sampling, ['n', 'temperature', 'maxLength']);
  const causal = isAutoregressive(model) ? ({ sampler: 'causal', earlyCommit: false, remasking: 0 } as const) : {};
  evaluation.writing = { texts: [] };
  await evaluateWriting(model, {
    ...rest,
    ...causal,
    temperatures: flags.temperatures,
    n: flags.texts,
    maxTokens: flags.maxTokens,
    seed,
    ...(book && { book }),
    signal,
    onPass: (done, total) => progress.show(`writing: ${done}/${total} texts`),
    onTemperature: (writing) => evaluation.writing!.texts.push(writing),
  });
  const words = evaluation.writing.texts.reduce((sum, writing) => sum + writing.words, 0) / flags.temperatures.length;
  evaluation.writing.evaluated = await figuresOfTexts(await excerpts(units, words), book);
}

/** `mdiff evaluate`: what an interrupt leaves is printed, and marked as unfinished. */
async function runEvaluate(folder: string | undefined, text: string | undefined, flags: EvaluateFlags, hooks: Hooks): Promise<void> {
  const name = folderOf('evaluate', folder, flags);
  const { model, sampling, chosen } = await openFolder(name, flags, hooks);
  if (chosen.has('temperature')) throw new UsageError('generation.temperature: mdiff evaluate takes --temperatures instead');
  const evaluation: Evaluation = { model: model.name, folder: name, finished: false, notes: [] };
  const { evaluationText } = await import('./evaluatetext.js');
  const progress = progressLine();
  await closing(model, async () => {
    try {
      await interruptible(async (signal) => {
        const work: Work = { model, path: pathOf(name) ?? name, flags, hooks, evaluation, signal, progress };
        const texts = await textsOf(work, text, sampling);
        evaluation.text = texts.name;
        await measure(work, texts);
        if (flags.texts > 0) await write(work, texts, sampling);
        evaluation.finished = true;
      });
    } finally {
      progress.clear();
      const measured = evaluation.bound !== undefined || evaluation.chainRule !== undefined;
      if (measured) print(flags.json ? `${JSON.stringify(evaluation)}\n` : evaluationText(evaluation));
    }
  });
}

/** `0.5,0.8,1` */
function temperatures(text: string): number[] {
  const values = text.split(',').map(Number);
  if (text.trim() === '' || values.some((value) => !(value >= 0 && value <= 10)))
    throw new InvalidArgumentError('expected numbers from 0 to 10 with commas between them, as 0.5,0.8,1.');
  return [...new Set(values)];
}

export function addEvaluate(root: Command, hooks: Hooks): void {
  addCommonFlags(
    root
      .command('evaluate')
      .description('measure a model: how likely it finds a text, in parts, and what it writes over a range of temperatures'),
  )
    .argument('[folder]', 'model folder, or the name of an installed model, as base-en')
    .argument('[text]', 'text, file of any format, builtin:… or - (standard input); default: the held-out part of its run')
    .addOption(new Option('--masks <count>', 'masks of each paragraph').argParser(count).default(4))
    .addOption(new Option('--chain-tokens <count>', 'tokens of the sample for the chain rule; 0 = none').argParser(integer).default(500))
    .addOption(
      new Option('--temperatures <list>', 'temperatures to write at').argParser(temperatures).default([0.5, 0.8, 1, 1.2], '0.5,0.8,1,1.2'),
    )
    .addOption(new Option('-n, --texts <count>', 'texts to write at each temperature; 0 = none').argParser(integer).default(8))
    .addOption(new Option('--max-tokens <tokens>', 'new tokens of a text at most').argParser(count).default(96))
    .option('--book <file>', 'training text to compare with (default: that of its run)')
    .addOption(shorthand('seed', '<seed>', 'the same seed draws the same masks and writes the same texts'))
    .option('--json', 'print one JSON object')
    .action((folder: string | undefined, text: string | undefined, flags: EvaluateFlags) => runEvaluate(folder, text, flags, hooks));
}
