import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { collect, count, integer, interruptible, print, progressLine, UsageError } from '@mdiff/cli';
import { MANIFEST } from '@mdiff/folder';
import { readFolder } from '@mdiff/folder/node';
import { compare, type Model, type Precision } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { type Hooks, pathOf, runnableFolder } from './graphs.js';
import { scoredText } from './input.js';
import { precisionFlag } from './flags.js';
import { load } from './open.js';
import { shownJson, shownText } from './scoretext.js';

interface ScoreFlags {
  model?: string[];
  against?: string;
  per?: 'word';
  seed?: number;
  masks?: number;
  threads?: number;
  precision?: Precision;
  verify: boolean;
  json?: boolean;
}

const EXAMPLE = 'mdiff score outputs/my-book/model "Call me Ishmael."';

const isModel = (name: string): boolean => existsSync(join(pathOf(name) ?? name, MANIFEST));

/** Model folders and text of a command line. The last argument is the text, unless it is a model folder or the only argument: then the text is standard input. */
function argumentsOf(given: readonly string[], { model = [] }: ScoreFlags): { folders: string[]; text: string } {
  const last = given.at(-1);
  const hasText = last !== undefined && (given.length > 1 || model.length > 0) && !isModel(last);
  const folders = [...model, ...(hasText ? given.slice(0, -1) : given)];
  if (folders.length === 0) throw new UsageError(`score: no model folder given; for example: ${EXAMPLE}`);
  return { folders, text: hasText ? last : '-' };
}

const open = async (name: string, flags: ScoreFlags, hooks: Hooks): Promise<Model> =>
  load(await readFolder(await runnableFolder(name, hooks), { verify: flags.verify }), flags);

/** `mdiff score`: the likelihood of a text under each model, and against the last one. */
async function runScore(given: readonly string[], flags: ScoreFlags, hooks: Hooks): Promise<void> {
  const { folders, text: argument } = argumentsOf(given, flags);
  const names = flags.against === undefined ? folders : [...folders, flags.against];
  const models: Model[] = [];
  try {
    for (const name of names) models.push(await open(name, flags, hooks));
    const text = await scoredText('score', argument);
    const progress = progressLine();
    const comparison = await interruptible((signal) =>
      compare(models, text, {
        signal,
        words: flags.per === 'word',
        ...(flags.seed !== undefined && { seed: flags.seed }),
        ...(flags.masks !== undefined && { levels: flags.masks }),
        onPass: (done, total) => progress.show(`${done}/${total} canvases`),
      }),
    ).finally(() => progress.clear());
    const labels = names.map((name) => (names.filter((other) => labelOf(other) === labelOf(name)).length > 1 ? name : labelOf(name)));
    const shown = { labels, folders: names, against: flags.against === undefined ? undefined : names.length - 1, ...comparison };
    print(flags.json ? shownJson(shown) : shownText(shown));
  } finally {
    for (const model of models) await model.close();
  }
}

/** outputs/melville/model → melville */
const labelOf = (folder: string): string => {
  const parts = folder.replace(/[\\/]+$/, '').split(/[\\/]/);
  return basename(folder) === 'model' && parts.length > 1 ? parts.at(-2)! : basename(folder);
};

export function addScore(root: Command, hooks: Hooks): void {
  root
    .command('score')
    .description('say how likely a model finds a text, and which of several models finds it likeliest')
    .usage('[options] <folder...> ["text" | file | -]')
    .argument('[arguments...]', 'model folders, and the text last: itself, a file of any format, or - (standard input)')
    .option('-m, --model <folder>', 'model folder (same as the argument; may be repeated)', collect)
    .option('--against <folder>', 'model to compare with, for example base-en')
    .addOption(new Option('--per <unit>', 'score each word too, given all others').choices(['word']))
    .addOption(
      new Option('--masks <count>', 'masks of each paragraph; more make the error smaller (default: 4, and 64 in all)').argParser(count),
    )
    .addOption(new Option('--seed <seed>', 'the same seed draws the same masks').argParser(integer))
    .addOption(new Option('--threads <count>', 'compute threads (default: as many as are fastest here)').argParser(integer))
    .addOption(precisionFlag())
    .option('--no-verify', 'skip the checksums of the model folder (sizes are always compared)')
    .option('--json', 'print one JSON object')
    .action((given: string[], flags: ScoreFlags) => runScore(given, flags, hooks));
}
