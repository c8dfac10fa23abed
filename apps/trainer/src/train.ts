import { addConfigFlags, interruptible, layersOf, reporterFor, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import type { Command } from 'commander';
import { sourceOf, sourcesOf } from './sources.js';

interface TrainFlags extends ConfigFlags {
  resume?: boolean;
  fresh?: boolean;
  strict?: boolean;
  fit?: boolean;
}

/** Trains on `text`, or on `data.source` without one. */
async function runTrain(command: 'train' | 'pretrain', text: string | undefined, flags: TrainFlags): Promise<void> {
  const { config, warnings, source } = loadProject({
    ...layersOf(flags),
    strict: flags.strict === true,
    set: [...(text === undefined ? [] : [`data.source=${text}`]), ...flags.set],
  });
  // Only commands that compute load an engine; those that read text do not.
  const { launchVariables, relaunch } = await import('./launch.js');
  const variables = launchVariables(config);
  // Another program may call this as a function; it is not started again.
  if (Object.keys(variables).length > 0 && process.argv[2] === command) {
    process.exitCode = await relaunch(variables);
    return;
  }
  const { train } = await import('@mdiff/train');
  const reporter = reporterFor(config.log_format, process.stdout);
  reporter.note(`configuration: ${source}`);
  const warn = (text: string): void => void process.stderr.write(`${text}\n`);
  for (const warning of warnings) warn(formatIssue(warning));
  const run = (signal: AbortSignal) =>
    train(config, { mode: flags.resume ? 'resume' : flags.fresh ? 'fresh' : 'new', fit: flags.fit === true, reporter, signal, warn });
  const onStop = (): void => warn('\nstopping after this step, saving … (once more: stop at once, without saving)');
  const result = await interruptible(run, { onStop, saves: true });
  if (!result.finished) {
    reporter.note(`saved at step ${result.step} of ${result.steps}; go on with: npx mdiff ${command} --resume (and the same options)`);
    process.exitCode = 130;
  }
}

/** The flags that every training has. */
const addRunFlags = (command: Command): Command =>
  addConfigFlags(command)
    .option('--resume', 'continue an unfinished run; with a larger training.max_steps also a finished one')
    .option('--fit', 'split a batch that does not fit hardware.max_vram_gb, keeping the effective batch')
    .option('--strict', 'treat configuration warnings as errors')
    .option('--fresh', 'start over, removing what the run folder holds');

export function addTrain(root: Command): void {
  addRunFlags(root.command('train').description('train a model on a book and export a model folder'))
    .argument('[book]', 'text to learn; overrides data.source')
    .action((book: string | undefined, flags: TrainFlags) => runTrain('train', book === undefined ? undefined : sourceOf(book), flags));
  addRunFlags(root.command('pretrain').description('train a base model on a shelf of books and export a model folder'))
    .argument(
      '<texts...>',
      'folders, files and archives (.zip, .tar.gz, .tar.xz) to learn; the preset is pretrain unless -c or -p names another',
    )
    .action((texts: string[], flags: TrainFlags) =>
      runTrain(
        'pretrain',
        sourcesOf(texts),
        flags.config === undefined && flags.preset === undefined ? { ...flags, preset: 'pretrain' } : flags,
      ),
    );
}
