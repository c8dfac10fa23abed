// The flags that commands share, and the readers of their values.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from './failure.js';

/** For a flag that may be repeated. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

export function integer(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected an integer >= 0.');
  return value;
}

/** An integer of at least 1. */
export function count(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected an integer >= 1.');
  return value;
}

export function port(text: string): number {
  const value = integer(text);
  if (value > 65535) throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return value;
}

/** Values of --config, --preset and --set. */
export interface ConfigFlags {
  config?: string;
  preset?: string;
  set: string[];
}

/** Adds --config and --set, and --preset unless the command reads only the keys that `only` names. */
export function addConfigFlags(command: Command, { only }: { only?: string } = {}): Command {
  const file =
    only === undefined
      ? 'configuration file (default: mdiff.yaml here, else the preset quickstart)'
      : `configuration file, for ${only} (default: mdiff.yaml here)`;
  command.option('-c, --config <file>', file);
  if (only === undefined) command.option('-p, --preset <name>', 'preset under the file');
  const set = new Option('-s, --set <key=value>', 'one configuration value, above all layers; may be repeated');
  // Without words of its own the default would be shown as [].
  return command.addOption(set.argParser(collect).default([], 'none'));
}

/** A key of the configuration as a flag or argument of its own gives it: messages then name the flag. */
export interface FlagSetting {
  /** `--temperature`, or `<book>` for an argument */
  readonly flag: string;
  readonly key: string;
  readonly value: string | number;
}

/** `--set` entries, then the values of flags that stand for a key, as `loadProject` of @mdiff/config takes them. Refuses a key that both give. */
export function settingsOf(set: readonly string[], own: readonly FlagSetting[]): (string | { flag: string; set: string })[] {
  for (const { flag, key, value } of own) {
    const twin = set.find((item) => item.split('=', 1)[0]!.trim() === key);
    if (twin !== undefined && twin.slice(twin.indexOf('=') + 1) !== `${value}`)
      throw new UsageError(`${flag} and --set ${twin}: two values for the same key; leave one out`);
  }
  return [...set, ...own.map(({ flag, key, value }) => ({ flag, set: `${key}=${value}` }))];
}

/** Refuses a file given twice, as an argument and with --config. */
export function fileOf(argument: string | undefined, { config }: Partial<ConfigFlags>): string | undefined {
  if (argument !== undefined && config !== undefined && argument !== config)
    throw new UsageError(`two configurations given, "${argument}" and --config "${config}"; leave one out`);
  return argument ?? config;
}

/** The layers that these flags name, with the environment and the folder of this process, as `loadProject` of @mdiff/config takes them. */
export function layersOf({ config, preset, set }: ConfigFlags) {
  return {
    ...(config !== undefined && { file: config }),
    ...(preset !== undefined && { preset }),
    set,
    env: process.env,
    cwd: process.cwd(),
  };
}
