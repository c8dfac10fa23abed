// What `mdiff tune` and `mdiff compare` share: flags, the configuration, and how they begin and stop.
import { basename, join } from 'node:path';
import { addConfigFlags, count, integer, interruptible, layersOf, settingsOf, UsageError, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject, type ProjectConfig } from '@mdiff/config';
import { type Command, Option } from 'commander';
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
}

const loaded = (book: string | undefined, flags: ConfigFlags): ProjectConfig => {
  const { config, warnings } = loadProject({
    ...layersOf(flags),
    set: settingsOf(flags.set, book === undefined ? [] : [{ flag: '[book]', key: 'data.source', value: sourceOf(book) }]),
  });
  for (const warning of warnings) process.stderr.write(`${formatIssue(warning)}\n`);
  if (book !== undefined) sayOverridden(config, '[book]');
  return config;
};

/** Reads the configuration and the budget. @throws UsageError without steps */
export function studyOf(command: 'tune' | 'compare', book: string | undefined, flags: StudyFlags): Study {
  const config = loaded(book, flags);
  const steps = flags.steps ?? config.training.max_steps;
  if (steps === null) throw new UsageError(`${command}: how long is a run? give --steps, or set training.max_steps`);
  const text = basename(config.data.source.replace(/^builtin:/, '')).replace(/\.[^.]*$/, '') || 'text';
  return { config, steps, folder: flags.out ?? join(config.output_dir, `${command}-${text}`) };
}

/**
 * Runs a study. Native TensorFlow reads some settings when a process starts, so a study on it starts once more, as `mdiff train` does.
 * @returns undefined if a child did the work
 */
export async function runStudy<T>(
  command: 'tune' | 'compare',
  { config }: Study,
  work: (options: { signal: AbortSignal; note(text: string): void }) => Promise<T>,
): Promise<T | undefined> {
  const { launchVariables, relaunch } = await import('./launch.js');
  const { worldOf } = await import('@mdiff/engine');
  if (worldOf() !== undefined)
    throw new UsageError(`mdiff ${command}: runs on one rank, and a launcher of MPI started several; start it without mpirun or srun`);
  const variables = launchVariables(config);
  if (Object.keys(variables).length > 0 && process.argv[2] === command) {
    process.exitCode = await relaunch(variables);
    return undefined;
  }
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  return interruptible((signal) => work({ signal, note }), {
    onStop: () => note('stopping after this step, saving … the same command goes on from there (once more: stop at once, without saving)'),
    saves: true,
  });
}

export const addStudyFlags = (command: Command): Command =>
  addConfigFlags(command)
    .argument('[book]', 'text to learn; overrides data.source')
    .addOption(new Option('--steps <count>', 'steps of a run (default: training.max_steps)').argParser(count))
    .addOption(new Option('--seed <seed>', 'the same seed draws the same').argParser(integer).default(1))
    .option('-o, --out <folder>', 'folder of the runs and the record; the same command goes on from what is there')
    .option('--json', 'print one JSON object');
