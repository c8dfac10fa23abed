import { collect, count, number, UsageError } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import { draft, generate, type GenerateOptions } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addSamplingFlags, type SamplingFlags, shorthand, wordOptions } from './flags.js';
import { textOf } from './input.js';
import type { Hooks } from './graphs.js';
import { folderOf, openFolder } from './open.js';
import { writeTexts } from './texts.js';

interface GenerateFlags extends SamplingFlags {
  prompt?: string;
  suffix?: string;
  maxLength?: number;
  maxTokens?: number;
  minTokens?: number;
  wordAt?: string[];
  draft?: true | number;
  whole?: boolean;
  interactive?: boolean;
}

/** `mdiff generate`: one prompt, or one for each line of the input. */
async function runGenerate(argument: string | undefined, flags: GenerateFlags, hooks: Hooks): Promise<void> {
  const { model, sampling: read, interactive, changed } = await openFolder(folderOf('generate', argument, flags), flags, hooks);
  const sampling: GenerateOptions = { ...read, ...(await wordOptions(flags)), ...lengthsOf(flags), ...wordsAt(flags.wordAt) };
  const show = { json: flags.json ?? false, watch: flags.watch ?? false };
  const whole = flags.whole ?? false;
  await closing(model, async () => {
    const given = flags.prompt !== undefined || flags.suffix !== undefined;
    if (flags.interactive || (interactive && !given)) {
      const { converse } = await import('./converse.js');
      return converse({ model, sampling, changed, ...show });
    }
    const prompt = await textOf(flags.prompt ?? '');
    if (flags.draft !== undefined) {
      const share = flags.draft === true ? {} : { share: flags.draft };
      return void (await writeTexts({
        model,
        sampling,
        ...show,
        whole,
        write: (options) => draft(model, { ...sampling, ...share, prompt, ...options }),
      }));
    }
    const text = { prompt, suffix: flags.suffix ?? '' };
    await writeTexts({ model, sampling, ...show, whole, write: (options) => generate(model, { ...sampling, ...text, ...options }) });
  });
}

const lengthsOf = ({ maxTokens, minTokens }: GenerateFlags): Pick<GenerateOptions, 'maxTokens' | 'minTokens'> => ({
  ...(maxTokens === undefined ? {} : { maxTokens }),
  ...(minTokens === undefined ? {} : { minTokens }),
});

/** `12=whale`: a word and its place. */
function wordsAt(given: readonly string[] | undefined): Pick<GenerateOptions, 'wordsAt'> {
  if (given === undefined) return {};
  const pairs = given.map((text): [number, string] => {
    const parts = /^(\d{1,6})=(.+)$/s.exec(text);
    if (!parts) throw new UsageError(`--word-at: expected a token of the new text and a word, as 12=whale, got "${text}"`);
    return [Number(parts[1]), parts[2]!];
  });
  const twice = pairs.find(([place], i) => pairs.findIndex(([other]) => other === place) !== i);
  if (twice) throw new UsageError(`--word-at: two words at token ${twice[0]}; leave one out`);
  return { wordsAt: Object.fromEntries(pairs) };
}

export function addGenerate(root: Command, hooks: Hooks): void {
  addSamplingFlags(root.command('generate').description('write new text, or continue a prompt'))
    .argument('[folder]', 'model folder')
    .option('-p, --prompt <text>', 'text to continue, or - for standard input')
    .option('--suffix <text>', 'text that must follow; mdiff fills the space before it')
    .addOption(shorthand('max_length', '<tokens>', 'window in tokens, prompt and end included'))
    .addOption(
      new Option('--max-tokens <tokens>', 'new tokens at most; may be more than the model sees at once')
        .argParser(count)
        .conflicts('maxLength'),
    )
    .addOption(new Option('--min-tokens <tokens>', 'new tokens at least').argParser(count))
    .addOption(new Option('--word-at <place=word>', 'a word at a token of the new text, as 12=whale (may be repeated)').argParser(collect))
    .addOption(
      new Option('--draft [share]', 'write from left to right, then write the least likely share of the tokens again (0.2)')
        .argParser(number)
        .conflicts(['suffix', 'minTokens', 'wordAt', 'interactive']),
    )
    .addOption(
      new Option('--whole', 'end a text that its limit cuts at its last whole sentence or word, and say so').conflicts([
        'json',
        'interactive',
      ]),
    )
    .addOption(new Option('-i, --interactive', 'ask for prompts until the input ends').conflicts(['prompt', 'suffix']))
    .action((folder: string | undefined, flags: GenerateFlags) => runGenerate(folder, flags, hooks));
}
