import { createInterface } from 'node:readline/promises';
import { addConfigFlags, interruptible, layersOf, print, reporterFor, settingsOf, UsageError, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject, type Issue, type ProjectConfig } from '@mdiff/config';
import type { Lead, Reporter, TrainResult, Writer } from '@mdiff/train';
import type { Command } from 'commander';
import { loadedHere, onRanks } from './ranks.js';
import { reportsOf } from './reports.js';
import { inShell, nextCommands, resultLine, type OnTrained, type Trained } from './next.js';
import { sayOverridden, sourceOf, sourcesOf } from './sources.js';

/** The program around a training does this for it. */
interface Hooks {
  onTrained?: OnTrained | undefined;
  writer?: Writer | undefined;
}

interface TrainFlags extends ConfigFlags {
  sample: boolean;
  json?: boolean;
  resume?: boolean;
  fresh?: boolean;
  yes?: boolean;
  strict?: boolean;
  fit?: boolean;
}

/** The text or the run that a command names. */
interface Named {
  /** the argument, as it was given; undefined for several */
  argument?: string | undefined;
  /** `data.source`, if the argument is a text */
  text?: string | undefined;
}

interface Loaded {
  config: ProjectConfig;
  warnings: Issue[];
  /** the layers that the configuration comes from, for people */
  source: string;
  /** the run to resume */
  folder?: string;
}

const setOf = (text: string | undefined, { set, json }: TrainFlags): ReturnType<typeof settingsOf> =>
  settingsOf(set, [
    ...(text === undefined ? [] : [{ flag: '[book]', key: 'data.source', value: text }]),
    ...(json ? [{ flag: '--json', key: 'log_format', value: 'json' }] : []),
  ]);

const load = (text: string | undefined, flags: TrainFlags): Loaded =>
  loadProject({ ...layersOf(flags), strict: flags.strict === true, checksMemory: true, set: setOf(text, flags) });

/**
 * The run that `--resume` means, with the settings of the command line and of its file above the run's own. No default and no preset that nobody named
 * can contradict the run then.
 */
async function loadResumed({ argument, text }: Named, flags: TrainFlags): Promise<Loaded> {
  const { findResumed, recordedLayer } = await import('@mdiff/train');
  const { folder, configured, isText } = await findResumed((source) => load(source, flags).config, { name: argument, text });
  const { config, warnings } = loadProject({
    ...layersOf(flags),
    strict: flags.strict === true,
    checksMemory: true,
    set: setOf(isText ? text : undefined, flags),
    base: await recordedLayer(folder),
    // A file that nobody named counts only if it describes this run.
    ...(flags.config === undefined && !configured && { file: false }),
  });
  return { config, warnings, source: `as recorded in ${folder}`, folder };
}

/** Asks on a terminal. The input is read line by line, so that Ctrl-C reaches the process as ever. */
async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    return /^y(es)?$/i.test((await lines.question(question, { signal })).trim());
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    lines.close();
  }
}

const promptOf = (excerpt: TrainResult['excerpt']): { prompt?: string } => (excerpt ? { prompt: excerpt.prompt } : {});

/** Says what the first signal does in this phase of a run. */
function whatStops(phase: string): string {
  if (phase === 'training') return 'stopping after this step, saving … (once more: stop at once, without saving)';
  if (phase === 'exporting') return 'the run is over; stopping once its model is written … (once more: stop at once, without the model)';
  return 'stopping; no step has been trained since the start, so there is nothing to save … (once more: stop at once)';
}

/** Trains on the text, or on `data.source` without one. */
async function runTrain(command: 'train' | 'pretrain', named: Named, flags: TrainFlags & { hooks: Hooks }): Promise<void> {
  if (flags.resume && flags.fresh) throw new UsageError('--resume continues a run and --fresh starts over: give one of the two');
  const loaded = await loadedHere(() => (flags.resume ? loadResumed(named, flags) : load(named.text, flags)));
  // Only commands that compute load an engine; those that read text do not.
  const { launchVariables, relaunch } = await import('./launch.js');
  const variables = launchVariables(loaded.config);
  // Another program may call this as a function; it is not started again.
  if (Object.keys(variables).length > 0 && process.argv[2] === command) {
    process.exitCode = await relaunch(variables);
    return;
  }
  const { config } = loaded;
  await onRanks<Lead>(
    config,
    {
      lead: async (options) => (await import('@mdiff/train')).leadRanks(config, options),
      follow: async (options) => (await import('@mdiff/train')).follow(config, options),
    },
    (lead) => trainHere(command, named, loaded, { ...flags, lead }),
  );
}

/** Trains in this process, which leads the other ranks if there are any. */
async function trainHere(
  command: 'train' | 'pretrain',
  named: Named,
  { config, warnings, source, folder }: Loaded,
  { lead, ...flags }: TrainFlags & { hooks: Hooks; lead: Lead | undefined },
): Promise<void> {
  const { train } = await import('@mdiff/train');
  const reports = reportsOf(config);
  let phase = '';
  const shown = reporterFor(config.log_format, process.stdout);
  const reporter: typeof shown = {
    ...shown,
    phase: (name, detail) => {
      phase = name;
      shown.phase(name, detail);
    },
    sample: (sample) => {
      reports.onSample?.(sample);
      shown.sample(sample);
    },
  };
  reporter.note(`configuration: ${source}`);
  // A line on standard error stands below what the terminal shows, not in it.
  const warn = (text: string): void => {
    shown.end();
    process.stderr.write(`${text}\n`);
  };
  for (const warning of warnings) warn(formatIssue(warning));
  if (named.text !== undefined) sayOverridden(config, '[book]');
  const onTrained = flags.sample && config.log_format !== 'json' ? flags.hooks.onTrained : undefined;
  const asks = !flags.yes && process.stdin.isTTY && process.stderr.isTTY;
  const run = (signal: AbortSignal) =>
    train(config, {
      ...(reports.onMetric && { onMetric: reports.onMetric }),
      mode: flags.resume ? 'resume' : flags.fresh ? 'fresh' : 'new',
      ...(folder !== undefined && { folder }),
      ...(asks && { confirm: (earlier: string) => ask(`${earlier}; start over without it? (y/N) `, signal) }),
      ...(onTrained && { onBase: ({ model, excerpt }) => onTrained({ model, origin: 'base', ...promptOf(excerpt) }) }),
      ...(flags.hooks.writer && { writer: flags.hooks.writer }),
      ...(lead && { lead }),
      fit: flags.fit === true,
      reporter,
      signal,
      warn,
    });
  let stopped = false;
  const onStop = (): void => {
    stopped = true;
    warn(`\n${whatStops(phase)}`);
  };
  const result = await interruptible(run, { onStop, saves: true });
  if (!result.finished) process.exitCode = 130;
  const page =
    result.putBack || result.step === 0 ? undefined : await reports.atEnd(result.folder, result.finished ? 'finished' : 'stopped');
  if (page !== undefined) reporter.note(`report: ${page}`);
  if (config.log_format === 'json') return print(resultLine(result));
  const origin = config.model.init_from === null ? 'scratch' : 'tuned';
  await sayNext(command, result, { reporter, ...(!stopped && { onTrained: (trained) => onTrained?.({ ...trained, origin }) }) });
}

/** Ends a training for people: a sample and the next commands, or how to go on. */
async function sayNext(
  command: string,
  { finished, step, steps, folder, model, excerpt, putBack, nelbo, causalBitsPerByte }: TrainResult,
  { reporter, onTrained }: { reporter: Reporter; onTrained?(trained: Omit<Trained, 'origin'>): Promise<void> | undefined },
): Promise<void> {
  if (finished && model !== undefined) {
    await onTrained?.({ model, ...promptOf(excerpt) });
    for (const line of nextCommands(model, excerpt, nelbo === undefined && causalBitsPerByte !== undefined)) reporter.note(line);
  }
  if (finished || putBack) return;
  reporter.note(`saved at step ${step} of ${steps}; go on with: npx mdiff ${command} --resume ${inShell(folder)}`);
}

/** The flags that every training has. */
const addRunFlags = (command: Command): Command =>
  addConfigFlags(command)
    .option('--resume', 'continue a run with the settings that it began with; with a larger training.max_steps also a finished one')
    .option('--json', 'print progress and the result as JSON lines, as log_format json does')
    .option('--no-sample', 'end without a sample written by the model')
    .option('--fit', 'split a batch that does not fit hardware.max_vram_gb, keeping the effective batch')
    .option('--strict', 'treat configuration warnings as errors')
    .option('--fresh', 'start over; the run that the folder holds is removed after the first checkpoint of the new one')
    .option('-y, --yes', 'with --fresh: start over without asking');

export function addTrain(root: Command, hooks: Hooks = {}): void {
  addRunFlags(root.command('train').description('train a model on a book and export a model folder'))
    .argument('[book]', 'text to learn; overrides data.source. With --resume also the name or the folder of a run')
    .action((book: string | undefined, flags: TrainFlags) =>
      runTrain('train', { argument: book, text: book === undefined ? undefined : sourceOf(book) }, { ...flags, hooks }),
    );
  addRunFlags(root.command('pretrain').description('train a base model on a shelf of books and export a model folder'))
    .argument(
      '<texts...>',
      'folders, files and archives (.zip, .tar.gz, .tar.xz) to learn, or with --resume a run; the preset is pretrain unless -c or -p names another',
    )
    .action((texts: string[], flags: TrainFlags) => {
      // A resumed run has its preset already; named again, it would count as a wish to change the run.
      const preset = flags.config === undefined && flags.preset === undefined && !flags.resume ? { preset: 'pretrain' } : {};
      return runTrain(
        'pretrain',
        { argument: texts.length === 1 ? texts[0] : undefined, text: sourcesOf(texts) },
        { ...flags, ...preset, hooks },
      );
    });
}
