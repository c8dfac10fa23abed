import { addConfigFlags, interruptible, layersOf, reporterFor, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import type { Command } from 'commander';
import { sourceOf } from './sources.js';

interface TrainFlags extends ConfigFlags {
  resume?: boolean;
  fresh?: boolean;
  strict?: boolean;
  fit?: boolean;
}

async function runTrain(book: string | undefined, flags: TrainFlags): Promise<void> {
  const { config, warnings, source } = loadProject({
    ...layersOf(flags),
    strict: flags.strict === true,
    set: [...(book === undefined ? [] : [`data.source=${sourceOf(book)}`]), ...flags.set],
  });
  // Only commands that compute load an engine; those that read text do not.
  const { launchVariables, relaunch } = await import('./launch.js');
  const variables = launchVariables(config);
  // Another program may call this as a function; it is not started again.
  if (Object.keys(variables).length > 0 && process.argv[2] === 'train') {
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
    reporter.note(`saved at step ${result.step} of ${result.steps}; go on with: npx mdiff train --resume (and the same options)`);
    process.exitCode = 130;
  }
}

export function addTrain(root: Command): void {
  addConfigFlags(root.command('train').description('train a model on a book and export a model folder'))
    .argument('[book]', 'text to learn; overrides data.source')
    .option('--resume', 'continue an unfinished run')
    .option('--fit', 'split a batch that does not fit hardware.max_vram_gb, keeping the effective batch')
    .option('--strict', 'treat configuration warnings as errors')
    .option('--fresh', 'start over, removing what the run folder holds')
    .action(runTrain);
}
