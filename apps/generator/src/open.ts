import { settingsOf, UsageError } from '@mdiff/cli';
import { FILES } from '@mdiff/folder';
import { readFolder, type ModelFolder } from '@mdiff/folder/node';
import { loadFolder, type Model, type SamplingOptions } from '@mdiff/generate';
import { type Hooks, runnableFolder } from './graphs.js';
import { type CommonFlags, type Shorthands, shorthandSettings } from './flags.js';
import { settings, type Settings } from './settings.js';

/** The model folder of a command line: its first argument or `--model`. */
export function folderOf(command: string, argument: string | undefined, { model }: CommonFlags): string {
  const folder = argument ?? model;
  if (folder === undefined) throw new UsageError(`${command}: no model folder given; for example: mdiff ${command} outputs/my-book/model`);
  if (argument !== undefined && model !== undefined && argument !== model) {
    throw new UsageError(`${command}: two model folders given, "${argument}" and --model "${model}"; leave one out`);
  }
  return folder;
}

export interface Prepared extends Settings {
  readonly files: ModelFolder;
}

/** Reads and verifies a folder, and settles how to sample: a mistake in the settings shows before the model loads. Prints warnings. */
export async function prepare(name: string, flags: CommonFlags & Shorthands, hooks: Hooks): Promise<Prepared> {
  const files = await readFolder(await runnableFolder(name, hooks), { verify: flags.verify });
  const read = settings(files, settingsOf(flags.set ?? [], shorthandSettings(flags)));
  for (const warning of read.warnings) process.stderr.write(`${warning}\n`);
  return { ...read, files };
}

export const load = (
  files: ModelFolder,
  { threads, precision, cache }: Pick<CommonFlags, 'threads' | 'precision' | 'cache'>,
  tokenizer?: Model['tokenizer'],
): Promise<Model> =>
  loadFolder(files, {
    ...(threads !== undefined && { threads }),
    ...(precision && { precision }),
    ...(cache && { cache }),
    ...(tokenizer && { tokenizer }),
  });

export interface Opened extends Settings {
  readonly model: Model;
  /** The options once `key=value` pairs of the section `generation` are set over those of the command line. */
  readonly changed: (pairs: readonly string[]) => SamplingOptions;
}

/** Opens a folder for a command that samples. */
export async function openFolder(name: string, flags: CommonFlags & Shorthands, hooks: Hooks): Promise<Opened> {
  const { files, ...rest } = await prepare(name, flags, hooks);
  const { quantizedGraph, quantizedCausalGraph } = files;
  if (flags.precision === 'int8' && rest.sampling.sampler === 'causal' && quantizedGraph && !quantizedCausalGraph)
    throw new UsageError(
      `--precision: "int8" has no effect with sampler "causal" in this folder, which has no ${FILES.quantizedCausal}; write one with: mdiff export <its run> --int8`,
    );
  if (flags.cache !== undefined && flags.cache !== 'none' && rest.sampling.sampler === 'causal')
    throw new UsageError(
      `--cache: "${flags.cache}" has no effect with sampler "causal", which has an exact cache of its own; leave it out`,
    );
  const changed: Opened['changed'] = (pairs) => {
    const keys = pairs.map((pair) => `generation.${pair.split('=', 1)[0]!.trim()}`);
    const kept = settingsOf(flags.set ?? [], shorthandSettings(flags)).filter(
      (item) => !keys.includes((typeof item === 'string' ? item : item.set).split('=', 1)[0]!.trim()),
    );
    const last = pairs.filter((_, i) => !keys.slice(i + 1).includes(keys[i]!)).map((pair) => `generation.${pair}`);
    return settings(files, [...kept, ...last]).sampling;
  };
  return { ...rest, changed, model: await load(files, flags) };
}

/** Refuses keys of `generation` that the user has set and that have no effect in a command. */
export function refuseIdle(command: string, chosen: ReadonlySet<string>, idle: Readonly<Record<string, string>>): void {
  for (const [key, reason] of Object.entries(idle)) {
    if (chosen.has(key)) throw new UsageError(`generation.${key}: has no effect in ${command}, because ${reason}; leave it out`);
  }
}

/** Options less those that a call would refuse because they have no effect in it. */
export function without(options: SamplingOptions, names: readonly string[]): SamplingOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));
}
