import { reporterFor } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import type { Command } from 'commander';
import { sourceOf } from './data.js';

interface TrainFlags {
  config?: string;
  preset?: string;
  set: string[];
  resume?: boolean;
  fresh?: boolean;
  strict?: boolean;
  fit?: boolean;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

async function runTrain(book: string | undefined, flags: TrainFlags): Promise<void> {
  const { config, warnings, source } = loadProject({
    ...(flags.config !== undefined && { file: flags.config }),
    ...(flags.preset !== undefined && { preset: flags.preset }),
    strict: flags.strict === true,
    set: [...(book === undefined ? [] : [`data.source=${sourceOf(book)}`]), ...flags.set],
    env: process.env,
    cwd: process.cwd(),
  });
  // The engines are loaded by the commands that compute, not by those that only read text.
  const { launchVariables, relaunch } = await import('./launch.js');
  const variables = launchVariables(config);
  // A program that calls this as a function is not started again.
  if (Object.keys(variables).length > 0 && process.argv[2] === 'train') {
    process.exitCode = await relaunch(variables);
    return;
  }
  const { train } = await import('@mdiff/train');
  const reporter = reporterFor(config.log_format, process.stdout);
  reporter.note(`configuration: ${source}`);
  for (const warning of warnings) process.stderr.write(`${formatIssue(warning)}\n`);

  // The first Ctrl-C saves after the running step; the second ends at once.
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping after this step, saving … (once more: stop at once, without saving)\n');
    interrupt.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const result = await train(config, {
      mode: flags.resume ? 'resume' : flags.fresh ? 'fresh' : 'new',
      fit: flags.fit === true,
      reporter,
      signal: interrupt.signal,
      warn: (text) => void process.stderr.write(`${text}\n`),
    });
    if (!result.finished) {
      reporter.note(`saved at step ${result.step} of ${result.steps}; go on with: npx mdiff train --resume (and the same options)`);
      process.exitCode = 130;
    }
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

export function addTrain(root: Command): void {
  root
    .command('train')
    .description('train a model on a book, export it as a model folder')
    .argument('[book]', 'text to learn; overrides data.source')
    .option('-c, --config <file>', 'configuration file (default: mdiff.yaml here, else the preset quickstart)')
    .option('-p, --preset <name>', 'preset under the file')
    .option('-s, --set <key=value>', 'one configuration value; may be repeated', collect, [])
    .option('--resume', 'go on with an unfinished run')
    .option('--fit', 'split a batch that does not fit hardware.max_vram_gb, keeping the effective batch')
    .option('--strict', 'take configuration warnings as errors')
    .option('--fresh', 'start over, removing what the run folder holds')
    .action(runTrain);
}
