// The flags that commands share, and the readers of their values.
import { type Command, InvalidArgumentError } from 'commander';

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
  return command.option('-s, --set <key=value>', 'one configuration value, above all layers; may be repeated', collect, []);
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
