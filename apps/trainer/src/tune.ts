import { collect, count, print, table } from '@mdiff/cli';
import type { TuneResult } from '@mdiff/train';
import { type Command, Option } from 'commander';
import { addStudyFlags, runStudy, studyOf, type StudyFlags } from './studies.js';

interface TuneFlags extends StudyFlags {
  search: string[];
  trials: number;
  rounds: number;
}

function shown({ trials, best, finished }: TuneResult): string {
  const keys = Object.keys(trials[0]!.values);
  const rounds = Math.max(...trials.map(({ results }) => results.length));
  const rows = trials.map(({ trial, values, results }) => [
    String(trial),
    ...keys.map((key) => JSON.stringify(values[key])),
    ...Array.from({ length: rounds }, (_, i) => {
      const result = results[i];
      return result === undefined ? '' : 'failed' in result ? 'failed' : result.bits_per_byte.toFixed(3);
    }),
  ]);
  const heads = Array.from({ length: rounds }, (_, i) => {
    const done = trials.flatMap(({ results }) => results[i] ?? []).find((result) => 'steps' in result);
    return done && 'steps' in done ? `bits/byte, ${done.steps} steps` : 'bits/byte';
  });
  return [
    table([['trial', ...keys, ...heads], ...rows]),
    best ? `\n# the best configuration, whole in ${best.file}\n` : '',
    best ? keys.map((key) => `${key}: ${JSON.stringify(best.values[key])}\n`).join('') : '',
    finished ? '' : '\ninterrupted; the same command goes on\n',
  ].join('');
}

async function runTune(book: string | undefined, { search, trials, rounds, ...flags }: TuneFlags): Promise<void> {
  const study = await studyOf('tune', book, flags);
  const { config, steps } = study;
  await runStudy('tune', study, {
    work: async (options) => {
      const { tune } = await import('@mdiff/train');
      return tune(config, { searches: search, trials, rounds, steps, seed: flags.seed, ...options });
    },
    show: (result) => {
      if (!result.finished) process.exitCode = 130;
      print(flags.json ? `${JSON.stringify(result)}\n` : shown(result));
    },
  });
}

/** `mdiff tune`: random search with successive halving. */
export function addTune(root: Command): void {
  addStudyFlags(
    root
      .command('tune')
      .description(
        'search for better values of any keys: short runs of many random values, longer ones of the better, by held-out bits/byte',
      ),
  )
    .addOption(
      new Option(
        '--search <key=range>',
        'log:1e-4..3e-3, linear:0..0.2 or a,b,c, as training.learning_rate=log:1e-4..3e-3; may be repeated',
      )
        .argParser(collect)
        .default([], 'none; one at least is needed'),
    )
    .addOption(new Option('--trials <count>', 'values to try').argParser(count).default(9))
    .addOption(new Option('--rounds <count>', 'each keeps the better third and gives it three times the steps').argParser(count).default(3))
    .action(runTune);
}
