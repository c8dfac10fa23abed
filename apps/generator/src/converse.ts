// `mdiff generate --interactive`: answers the lines of the input.
import { createInterface } from 'node:readline';
import { Interrupted, isUserError, print, UsageError } from '@mdiff/cli';
import { generate, infill, parseGaps, rewrite, seedAt, type GenerateOptions, type Model, type SamplingOptions } from '@mdiff/generate';
import { hintAtMinutes } from './infill.js';
import { without } from './open.js';
import { writeTexts } from './texts.js';

interface ConverseArgs {
  readonly model: Model;
  readonly sampling: GenerateOptions;
  /** the options once `key=value` pairs of the section `generation` are set too */
  readonly changed: (pairs: readonly string[]) => SamplingOptions;
  readonly json: boolean;
  readonly watch: boolean;
}

interface State {
  sampling: GenerateOptions;
  readonly pairs: string[];
  /** texts so far; with a seed the loop as a whole can be repeated, and still no two lines draw alike */
  written: number;
}

const HELP = `  a line           continue it; an empty line writes from nothing
  /infill text     fill each ___ of the text
  /rewrite text    write some of its words anew
  /set key=value   set a key of generation, for example /set temperature=0.7
  /show            print the settings
  /quit            end (also Ctrl-D)
`;

/** Answers lines until the input ends. On a terminal it shows a prompt, and the arrow keys bring earlier lines back. A mistake does not end the loop. */
export async function converse(args: ConverseArgs): Promise<void> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal ? { output: process.stderr, prompt: 'prompt> ' } : {}),
    terminal: isTerminal,
  });
  if (isTerminal) process.stderr.write('Type the beginning of a text, or nothing; /help lists the commands, Ctrl-D ends.\n');
  lines.on('SIGINT', () => lines.close());
  lines.prompt();
  const state: State = { sampling: args.sampling, pairs: [], written: 0 };
  for await (const line of lines) {
    try {
      if (line.trim() === '/quit') break;
      await answer(line, args, state);
    } catch (error) {
      if (!isUserError(error) || error instanceof Interrupted) throw error;
      process.stderr.write(`${error.message}\n`);
    }
    lines.prompt();
  }
  lines.close();
}

async function answer(line: string, { model, changed, json, watch }: ConverseArgs, state: State): Promise<void> {
  const { sampling } = state;
  const seed = typeof sampling.seed === 'number' ? seedAt({ seed: sampling.seed }, state.written) : null;
  const free = without(sampling, ['maxLength', 'minLength', 'maxTokens', 'minTokens', 'wordsAt']);
  const write = (task: Parameters<typeof writeTexts>[0]['write']): Promise<number> =>
    writeTexts({ model, sampling: { ...sampling, seed }, json, watch, write: task }).then((count) => (state.written += count));
  const [, command, rest = ''] = /^\/(\w*)(?:\s+(.*))?$/s.exec(line) ?? [];
  switch (command) {
    case undefined:
      return void (await write((options) => generate(model, { ...sampling, ...options, prompt: line })));
    case 'infill': {
      hintAtMinutes(rest);
      const parts = parseGaps(rest);
      return void (await write((options) => infill(model, parts, { ...free, ...options })));
    }
    case 'rewrite':
      return void (await write((options) => rewrite(model, rest, { ...without(free, ['stop']), ...options })));
    case 'set': {
      const next = changed([...state.pairs, rest.trim()]);
      state.pairs.push(rest.trim());
      state.sampling = { ...sampling, ...next };
      return;
    }
    case 'show':
      return print(`${JSON.stringify(sampling)}\n`);
    case 'help':
      return void process.stderr.write(HELP);
    default:
      throw new UsageError(`/${command}: no such command; /help lists them, and a line that begins with a space is a prompt`);
  }
}
