import { createInterface } from 'node:readline';
import { count, Interrupted, interruptible, isUserError, print, progressLine } from '@mdiff/cli';
import { closing } from '@mdiff/folder';
import { generate, seedAt, type GenerateOptions, type GenerateResult, type Model } from '@mdiff/generate';
import { type Command, Option } from 'commander';
import { addSamplingFlags, noteSeed, type SamplingFlags, shorthand } from './flags.js';
import { folderOf, openFolder } from './open.js';

interface GenerateFlags extends SamplingFlags {
  prompt?: string;
  suffix?: string;
  maxLength?: number;
  maxTokens?: number;
  interactive?: boolean;
}

/** `mdiff generate`: one prompt, or one for each line of the input. */
async function runGenerate(argument: string | undefined, flags: GenerateFlags): Promise<void> {
  const { model, sampling: read, interactive } = await openFolder(folderOf('generate', argument, flags), flags);
  const sampling: GenerateOptions = { ...read, ...(flags.maxTokens === undefined ? {} : { maxTokens: flags.maxTokens }) };
  const json = flags.json ?? false;
  await closing(model, async () => {
    const given = flags.prompt !== undefined || flags.suffix !== undefined;
    if (flags.interactive || (interactive && !given)) await converse(model, sampling, json);
    else {
      const result = await sample(model, { ...sampling, prompt: flags.prompt ?? '', suffix: flags.suffix ?? '' });
      print(shown(result, json));
      if (!json) noteSeed(sampling, result.texts);
    }
  });
}

function sample(model: Model, options: GenerateOptions): Promise<GenerateResult> {
  const progress = progressLine();
  return interruptible((signal) =>
    generate(model, {
      ...options,
      signal,
      onStep: ({ row, step, of }) => progress.show(`text ${row + 1}/${options.n ?? 1}, step ${step}/${of}`),
    }),
  ).finally(() => progress.clear());
}

/** Answers prompts until the input ends. On a terminal it shows a prompt. A mistake in one prompt does not end the loop. */
async function converse(model: Model, sampling: GenerateOptions, json: boolean): Promise<void> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal ? { output: process.stderr, prompt: 'prompt> ' } : {}),
    terminal: isTerminal,
  });
  if (isTerminal) process.stderr.write('Type the beginning of a text, or nothing; Ctrl-D ends.\n');
  lines.on('SIGINT', () => lines.close());
  lines.prompt();
  // With a seed the loop as a whole can be repeated, and still no two lines draw alike.
  let written = 0;
  for await (const prompt of lines) {
    try {
      const seed = typeof sampling.seed === 'number' ? seedAt({ seed: sampling.seed }, written) : null;
      const result = await sample(model, { ...sampling, seed, prompt });
      written += result.texts.length;
      print(shown(result, json));
      if (!json) noteSeed(sampling, result.texts);
    } catch (error) {
      if (!isUserError(error) || error instanceof Interrupted) throw error;
      process.stderr.write(`${error.message}\n`);
    }
    lines.prompt();
  }
}

/** Texts separated by blank lines, or one line of JSON. */
function shown({ texts, promptTokens }: GenerateResult, json: boolean): string {
  if (json) return `${JSON.stringify({ texts, promptTokens })}\n`;
  return `${texts.map(({ text }) => text).join('\n\n')}\n`;
}

export function addGenerate(root: Command): void {
  addSamplingFlags(root.command('generate').description('write new text, or continue a prompt'))
    .argument('[folder]', 'model folder')
    .option('-p, --prompt <text>', 'text to continue')
    .option('--suffix <text>', 'text that must follow; mdiff fills the space before it')
    .addOption(shorthand('max_length', '<tokens>', 'window in tokens, prompt and end included'))
    .addOption(
      new Option('--max-tokens <tokens>', 'new tokens at most; may be more than the model sees at once')
        .argParser(count)
        .conflicts('maxLength'),
    )
    .addOption(new Option('-i, --interactive', 'ask for prompts until the input ends').conflicts(['prompt', 'suffix']))
    .action((folder: string | undefined, flags: GenerateFlags) => runGenerate(folder, flags));
}
