import { basename, join } from 'node:path';
import { count, print, table } from '@mdiff/cli';
import { places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { comparePage } from '@mdiff/report';
import type { CompareResult, Start } from '@mdiff/train';
import { type Command, Option } from 'commander';
import { addStudyFlags, runStudy, studyOf, type StudyFlags } from './studies.js';

interface CompareFlags extends StudyFlags {
  arms: string;
  from: 'scratch' | 'base' | 'both';
  seeds: number;
}

const figure = (value: number): string => value.toFixed(3);
const signed = (value: number): string => (value < 0 ? '' : '+') + figure(value);

function shown({ rows, failed, finished, units }: CompareResult, page: string): string {
  const lines = rows.map(({ arm, start, by, seeds, mean, sd, tokens, difference }, i) => [
    arm,
    start,
    `${figure(mean)}${seeds.length > 1 ? ` ± ${figure(sd)}` : ''}${by === 'next_token' ? ' *' : ''}`,
    // Without an interval the units are not the same: the arm, or its tokenizer, cuts the held-out text otherwise.
    difference
      ? `${signed(difference.difference)} (${signed(difference.low)} to ${signed(difference.high)})`
      : i > 0
        ? signed(mean - rows[0]!.mean)
        : '',
    String(seeds.length),
    Math.round(tokens).toLocaleString('en-US'),
  ]);
  return [
    table([['arm', 'from', 'bits/byte', 'from the first (95 %)', 'seeds', 'tokens'], ...lines]),
    `\nheld out: ${units} paragraphs; ± is over seeds, the interval a paired bootstrap over paragraphs\n`,
    rows.some(({ by }) => by === 'next_token') ? '* exact likelihood of next-token prediction; the others are upper bounds\n' : '',
    ...failed.map(({ run, failed: reason }) => `${run} failed: ${reason}\n`),
    finished ? '' : 'interrupted; the same command goes on\n',
    `${page}\n`,
  ].join('');
}

async function runCompare(book: string | undefined, { arms: names, from, seeds: number, ...flags }: CompareFlags): Promise<void> {
  const study = await studyOf('compare', book, flags);
  const { config, steps, folder } = study;
  const starts: Start[] = from === 'both' ? ['scratch', 'base'] : [from];
  await runStudy('compare', study, {
    work: async (options) => {
      const { compareArms } = await import('@mdiff/train');
      return compareArms(config, {
        arms: names.split(',').map((name) => name.trim()),
        starts,
        seeds: Array.from({ length: number }, (_, i) => flags.seed + i),
        steps,
        ...options,
      });
    },
    show: async (result) => {
      if (!result.finished) process.exitCode = 130;
      const page = join(folder, 'compare.html');
      await writeFileWhole(page, comparePage({ text: basename(config.data.source), yaml: config.toYaml(), ...result }), places.output);
      print(flags.json ? `${JSON.stringify({ ...result, page })}\n` : shown(result, page));
    },
  });
}

/** `mdiff compare`: curricula under one budget, several seeds each. */
export function addCompare(root: Command): void {
  addStudyFlags(
    root.command('compare').description('train several curricula on one text with the same budget, and compare them on its held-out part'),
  )
    .option(
      '--arms <list>',
      'arms, or groups of them: curricula (full, no-difficulty, no-masks, reversed, single, uniform, autoregressive), ablation (recipe, no-convolution, no-shift, no-next-token, wide-masks, half-vocabulary), variants (recipe, high-masks-first, ema, positions-64, positions-256, whole-range, complementary, untied), all; the others are compared with the first',
      'curricula',
    )
    .addOption(new Option('--from <start>', 'weights to start from').choices(['scratch', 'base', 'both']).default('scratch'))
    .addOption(new Option('--seeds <count>', 'runs of each arm').argParser(count).default(3))
    .action(runCompare);
}
