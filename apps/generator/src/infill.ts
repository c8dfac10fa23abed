import { count, interruptible, print, progressLine, UsageError } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import { infill, parseGaps, type SamplingOptions } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addSamplingFlags, noteSeed, type SamplingFlags } from './flags.js';
import { folderOf, openFolder, refuseIdle } from './open.js';

interface InfillFlags extends SamplingFlags {
  gap: string;
  gapTokens?: number | [number, number];
}

/** `mdiff infill`: the text with its gaps filled. With `--model`, the only argument is the text. */
async function runInfill(first: string | undefined, second: string | undefined, flags: InfillFlags): Promise<void> {
  const [argument, text] = flags.model !== undefined && second === undefined ? [undefined, first] : [first, second];
  const folder = folderOf('infill', argument, flags);
  if (text === undefined) throw new UsageError(`infill: no text given; for example: mdiff infill ${folder} "Call me ${flags.gap}."`);
  const parts = parseGaps(text, { marker: flags.gap, ...(flags.gapTokens === undefined ? {} : { tokens: flags.gapTokens }) });
  const { model, sampling: all, chosen } = await openFolder(folder, flags);
  const progress = progressLine();
  await closing(model, async () => {
    refuseIdle('infill', chosen, IDLE);
    const sampling = Object.fromEntries(
      Object.entries(all).filter(([name]) => name !== 'maxLength' && name !== 'minLength'),
    ) as SamplingOptions;
    const { texts, promptTokens } = await interruptible((signal) =>
      infill(model, parts, { ...sampling, signal, onStep: ({ row, step, of }) => progress.show(`text ${row + 1}, step ${step}/${of}`) }),
    ).finally(() => progress.clear());
    print(flags.json ? `${JSON.stringify({ texts, promptTokens })}\n` : `${texts.map((filled) => filled.text).join('\n\n')}\n`);
    if (!flags.json) noteSeed(sampling, texts);
  });
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

export function addInfill(root: Command): void {
  addSamplingFlags(root.command('infill').description('fill the gaps of a text'))
    .usage('[options] <folder> "text with ___"')
    .argument('[folder]', 'model folder')
    .argument('[text]', 'text with gaps')
    .option('--gap <marker>', 'marker of a gap; marker:8 makes the gap 8 tokens long, marker{2,5} two to five', '___')
    .addOption(
      new Option('--gap-tokens <tokens>', 'tokens of a gap whose marker states none, as a number or a range (default: 1-12)').argParser(
        gapTokens,
      ),
    )
    .action((folder: string | undefined, text: string | undefined, flags: InfillFlags) => runInfill(folder, text, flags));
}
