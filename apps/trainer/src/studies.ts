// What `mdiff tune` and `mdiff compare` share: flags, the configuration, and how they begin and stop.
import { basename, join } from 'node:path';
import { addConfigFlags, count, integer, interruptible, layersOf, settingsOf, UsageError, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject, type Issue, type ProjectConfig } from '@mdiff/config';
import type { Crew } from '@mdiff/train';
import { type Command, Option } from 'commander';
import { loadedHere, onRanks } from './ranks.js';
import { sayOverridden, sourceOf } from './sources.js';

export interface StudyFlags extends ConfigFlags {
  steps?: number;
  seed: number;
  out?: string;
  json?: boolean;
}

export interface Study {
  config: ProjectConfig;
  steps: number;
  /** folder of the study */
  folder: string;
  /** Says what to know about the configuration. */
  sayLoaded(): void;
}

const loaded = (book: string | undefined, flags: ConfigFlags): { config: ProjectConfig; warnings: Issue[] } =>
  loadProject({
    ...layersOf(flags),
    set: settingsOf(flags.set, book === undefined ? [] : [{ flag: '[book]', key: 'data.source', value: sourceOf(book) }]),
  });

function read(command: StudyCommand, book: string | undefined, flags: StudyFlags): Study {
  const { config, warnings } = loaded(book, flags);
  const steps = flags.steps ?? config.training.max_steps;
  if (steps === null) throw new UsageError(`${command}: how long is a run? give --steps, or set training.max_steps`);
  const text = basename(config.data.source.replace(/^builtin:/, '')).replace(/\.[^.]*$/, '') || 'text';
  const sayLoaded = (): void => {
    for (const warning of warnings) note(formatIssue(warning));
    if (book !== undefined) sayOverridden(config, '[book]');
  };
  return { config, steps, folder: flags.out ?? join(config.output_dir, `${command}-${text}`), sayLoaded };
}

/** Reads the configuration and the budget. @throws UsageError without steps */
export const studyOf = (command: StudyCommand, book: string | undefined, flags: StudyFlags): Promise<Study> =>
  loadedHere(() => read(command, book, flags));

type StudyCommand = 'tune' | 'compare';

const note = (text: string): void => void process.stderr.write(`${text}\n`);

interface StudyWork {
  folder: string;
  signal: AbortSignal;
  note(text: string): void;
  crew?: Crew;
}

/**
 * Runs a study, on rank 0 if a launcher has started several; the other ranks train some of its runs. Native TensorFlow reads some settings when a process
 * starts, so a study on it starts once more, as `mdiff train` does.
 */
export async function runStudy<T>(
  command: StudyCommand,
  { config, folder, sayLoaded }: Study,
  { work, show }: { work(options: StudyWork): Promise<T>; show(result: T): Promise<void> | void },
): Promise<void> {
  const { launchVariables, relaunch } = await import('./launch.js');
  const variables = launchVariables(config);
  if (Object.keys(variables).length > 0 && process.argv[2] === command) {
    process.exitCode = await relaunch(variables);
    return;
  }
  const onStop = (): void =>
    note('stopping after this step, saving … the same command goes on from there (once more: stop at once, without saving)');
  await onRanks<Crew>(
    config,
    {
      lead: async (options) => (await import('@mdiff/train')).gatherCrew(config, options),
      follow: async (options) => (await import('@mdiff/train')).joinCrew(config, { ...options, folder }),
    },
    async (crew) => {
      sayLoaded();
      const run = (signal: AbortSignal): Promise<T> => work({ folder, signal, note, ...(crew && { crew }) });
      await show(await interruptible(run, { onStop, saves: true }));
    },
  );
}

export const addStudyFlags = (command: Command): Command =>
  addConfigFlags(command)
    .argument('[book]', 'text to learn; overrides data.source')
    .addOption(new Option('--steps <count>', 'steps of a run (default: training.max_steps)').argParser(count))
    .addOption(new Option('--seed <seed>', 'the same seed draws the same').argParser(integer).default(1))
    .option('-o, --out <folder>', 'folder of the runs and the record; the same command goes on from what is there')
    .option('--json', 'print one JSON object');
