import { collect, number, UsageError } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import { rewrite } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addSamplingFlags, type SamplingFlags, wordOptions } from './flags.js';
import { textOf } from './input.js';
import type { Hooks } from './graphs.js';
import { folderOf, openFolder, refuseIdle, without } from './open.js';
import { writeTexts } from './texts.js';

interface RewriteFlags extends SamplingFlags {
  share?: number;
  word?: string[];
}

const IDLE = {
  max_length: 'the text says how long it is',
  min_length: 'the text says how long it is',
  stop: 'what follows a word stays',
  interactive_mode: 'it writes one text anew',
};

/** `mdiff rewrite`: the text with some of its words written anew. With `--model`, the only argument is the text. */
async function runRewrite(first: string | undefined, second: string | undefined, flags: RewriteFlags, hooks: Hooks): Promise<void> {
  const [argument, given] = flags.model !== undefined && second === undefined ? [undefined, first] : [first, second];
  const folder = folderOf('rewrite', argument, flags);
  if (given === undefined)
    throw new UsageError(`rewrite: no text given; for example: mdiff rewrite ${folder} "Call me Ishmael." --share 0.5`);
  const { model, sampling: all, chosen } = await openFolder(folder, flags, hooks);
  await closing(model, async () => {
    refuseIdle('rewrite', chosen, IDLE);
    const text = await textOf(given);
    const sampling = without(all, ['maxLength', 'minLength', 'stop']);
    const words = await wordOptions(flags);
    const choice = { ...(flags.share === undefined ? {} : { share: flags.share }), ...(flags.word ? { words: flags.word } : {}) };
    await writeTexts({
      model,
      sampling,
      json: flags.json ?? false,
      watch: flags.watch ?? false,
      write: (options) => rewrite(model, text, { ...sampling, ...words, ...choice, ...options }),
    });
  });
}

export function addRewrite(root: Command, hooks: Hooks): void {
  addSamplingFlags(root.command('rewrite').description('write some words of a text anew'))
    .usage('[options] <folder> "text"')
    .argument('[folder]', 'model folder')
    .argument('[text]', 'text to change, or - for standard input')
    .addOption(new Option('--share <share>', 'share of the words to write anew (default: 0.3)').argParser(number))
    .addOption(
      new Option('--word <word>', 'a word to write anew wherever it stands (may be repeated)').argParser(collect).conflicts('share'),
    )
    .action((folder: string | undefined, text: string | undefined, flags: RewriteFlags) => runRewrite(folder, text, flags, hooks));
}
