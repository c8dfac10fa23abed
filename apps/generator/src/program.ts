import { Command, InvalidArgumentError, Option } from 'commander';
import { runGenerate } from './generate.js';
import { runInfill } from './infill.js';
import { runServe } from './serve.js';

/** What every command takes. */
export interface CommonFlags {
  model?: string;
  set?: string[];
  threads?: number;
  verify: boolean;
}

/** Shorthands for `--set generation.…`, shared by generate and infill. */
export interface SamplingFlags extends CommonFlags {
  n?: number;
  seed?: number;
  temperature?: number;
  numSteps?: number;
  json?: boolean;
}

/** Commands that need only a model folder: `generate`, `infill`, `serve`. */
export function program(): Command {
  const root = new Command('mdiff').description('Generate text with a trained model folder, or serve it');
  // Commander has printed what is wrong; usage errors end with 2, as configuration errors do.
  root.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

  sampling(root.command('generate').description('write new text, or continue a prompt'))
    .argument('[folder]', 'model folder')
    .option('-p, --prompt <text>', 'text to continue')
    .option('--suffix <text>', 'text that must follow; what lies between is filled in')
    .addOption(new Option('--max-length <tokens>', 'window in tokens, prompt and end included').argParser(integer))
    .option('-i, --interactive', 'ask for prompts until the input ends')
    .action((folder: string | undefined, flags) => runGenerate(folder, flags));

  sampling(root.command('infill').description('fill the gaps of a text'))
    .usage('[options] <folder> "text with ___"')
    .argument('[folder]', 'model folder')
    .argument('[text]', 'text with gaps')
    .option('--gap <marker>', 'what marks a gap; marker:12 states its tokens', '___')
    .addOption(new Option('--gap-tokens <tokens>', 'tokens of a gap that states none').argParser(integer).default(8))
    .action((folder: string | undefined, text: string | undefined, flags) => runInfill(folder, text, flags));

  common(root.command('serve').description('answer POST /v1/completions (OpenAI shape), GET /v1/models, /healthz, /readyz'))
    .argument('[folder]', 'model folder')
    .addOption(new Option('--port <port>', 'TCP port; 0 takes a free one').argParser(port).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--waiting <requests>', 'requests that may wait while one runs').argParser(integer).default(16))
    .action((folder: string | undefined, flags) => runServe(folder, flags));

  return root;
}

function common(command: Command): Command {
  return command
    .option('-m, --model <folder>', 'model folder (same as the argument)')
    .option('-s, --set <key=value>', 'set a configuration key, for example generation.top_p=0.9 (may be repeated)', (value: string, before: string[] = []) => [...before, value])
    .addOption(new Option('--threads <count>', 'compute threads (default: physical cores)').argParser(integer))
    .option('--no-verify', 'skip the checksums of the model folder (sizes are always compared)');
}

function sampling(command: Command): Command {
  return common(command)
    .addOption(new Option('-n <texts>', 'how many texts').argParser(integer))
    .addOption(new Option('--seed <seed>', 'the same seed gives the same text').argParser(integer))
    .addOption(new Option('--temperature <t>', '0 takes the most likely tokens').argParser(number))
    .addOption(new Option('--num-steps <steps>', 'denoising passes at most').argParser(integer))
    .option('--json', 'print one JSON object for each prompt');
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

function integer(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected an integer >= 0.');
  return value;
}

function port(text: string): number {
  const value = integer(text);
  if (value > 65535) throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return value;
}
