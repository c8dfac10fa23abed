import { count, UsageError } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import { infill, minutesBehindGap, parseGaps } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addSamplingFlags, type SamplingFlags, wordOptions } from './flags.js';
import { textOf } from './input.js';
import type { Hooks } from './graphs.js';
import { folderOf, openFolder, refuseIdle, without } from './open.js';
import { writeTexts } from './texts.js';

interface InfillFlags extends SamplingFlags {
  gap: string;
  gapTokens?: number | [number, number];
}

/** `mdiff infill`: the text with its gaps filled. With `--model`, the only argument is the text. */
async function runInfill(first: string | undefined, second: string | undefined, flags: InfillFlags, hooks: Hooks): Promise<void> {
  const [argument, given] = flags.model !== undefined && second === undefined ? [undefined, first] : [first, second];
  const folder = folderOf('infill', argument, flags);
  if (given === undefined) throw new UsageError(`infill: no text given; for example: mdiff infill ${folder} "Call me ${flags.gap}."`);
  const text = await textOf(given);
  hintAtMinutes(text, flags.gap);
  const parts = parseGaps(text, {
    marker: flags.gap,
    ...(flags.gapTokens === undefined ? {} : { tokens: flags.gapTokens }),
  });
  const { model, sampling: all, chosen } = await openFolder(folder, flags, hooks);
  await closing(model, async () => {
    refuseIdle('infill', chosen, IDLE);
    const sampling = without(all, ['maxLength', 'minLength']);
    const words = await wordOptions(flags);
    await writeTexts({
      model,
      sampling,
      json: flags.json ?? false,
      watch: flags.watch ?? false,
      write: (options) => infill(model, parts, { ...sampling, ...words, ...options }),
    });
  });
}

/** Says on standard error how a gap of 40 tokens is written, where `___:40` is read as a time. */
export function hintAtMinutes(text: string, marker = '___'): void {
  const minutes = minutesBehindGap(text, marker);
  if (minutes === undefined) return;
  process.stderr.write(
    `${marker}:${minutes} is a gap and the minutes :${minutes}; a gap of ${minutes} tokens is ${marker}{${Number(minutes)}}\n`,
  );
}

const IDLE = {
  max_length: 'the text and its gaps say how long it is',
  min_length: 'every gap is filled to its last token',
  interactive_mode: 'it fills one text',
};

/** `8`, or `2-5`. */
function gapTokens(value: string): number | [number, number] {
  const range = /^(\d+)-(\d+)$/.exec(value);
  return range ? [count(range[1]!), count(range[2]!)] : count(value);
}

export function addInfill(root: Command, hooks: Hooks): void {
  addSamplingFlags(root.command('infill').description('fill the gaps of a text'))
    .usage('[options] <folder> "text with ___"')
    .argument('[folder]', 'model folder')
    .argument('[text]', 'text with gaps, or - for standard input')
    .option('--gap <marker>', 'marker of a gap; marker:8 makes the gap 8 tokens long, marker{2,5} two to five', '___')
    .addOption(
      new Option('--gap-tokens <tokens>', 'tokens of a gap whose marker states none, as a number or a range (default: 1-12)').argParser(
        gapTokens,
      ),
    )
    .action((folder: string | undefined, text: string | undefined, flags: InfillFlags) => runInfill(folder, text, flags, hooks));
}
