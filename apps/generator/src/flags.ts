// The flags that commands share, and how their values are read.
import { type Command, InvalidArgumentError, Option } from 'commander';

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

export function addCommonFlags(command: Command): Command {
  return command
    .option('-m, --model <folder>', 'model folder (same as the argument)')
    .option('-s, --set <key=value>', 'set a configuration key, for example generation.top_p=0.9 (may be repeated)', (value: string, before: string[] = []) => [...before, value])
    .addOption(new Option('--threads <count>', 'compute threads (default: physical cores)').argParser(integer))
    .option('--no-verify', 'skip the checksums of the model folder (sizes are always compared)');
}

export function addSamplingFlags(command: Command): Command {
  return addCommonFlags(command)
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

export function integer(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected an integer >= 0.');
  return value;
}

export function port(text: string): number {
  const value = integer(text);
  if (value > 65535) throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return value;
}
