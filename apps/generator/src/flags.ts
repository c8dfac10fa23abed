// The flags that the commands share.
import { collect, type FlagSetting, integer, number } from '@mdiff/cli';
import { sampling, type FlagKey, type SamplingKey, type SamplingValue } from '@mdiff/config/sampling';
import { loadText, wordsIn, type Cache, type Precision, type WordOptions } from '@mdiff/generate';
import { type Command, Option } from 'commander';

/** Flags of every command. */
export interface CommonFlags {
  model?: string;
  set?: string[];
  threads?: number;
  precision?: Precision;
  cache?: Cache;
  verify: boolean;
}

/** Values of the flags that the table of sampling options names, each a shorthand for `--set generation.…`. */
export type Shorthands = { [K in FlagKey as (typeof sampling)[K]['option']]?: SamplingValue<K> extends string ? string : number };

/** Flags of generate and infill. `--max-length` is generate's alone: the gaps of infill state their tokens. */
export interface SamplingFlags extends CommonFlags, Omit<Shorthands, 'maxLength'> {
  allowWord?: string[];
  forbidWord?: string[];
  wordsOf?: string;
  json?: boolean;
  watch?: boolean;
}

export function addCommonFlags(command: Command): Command {
  return command
    .option('-m, --model <folder>', 'model folder (same as the argument)')
    .option('-s, --set <key=value>', 'set a configuration key, for example generation.top_p=0.9 (may be repeated)', collect)
    .addOption(new Option('--threads <count>', 'compute threads (default: as many as are fastest here)').argParser(integer))
    .addOption(precisionFlag())
    .option('--no-verify', 'skip the checksums of the model folder (sizes are always compared)');
}

export const precisionFlag = (): Option =>
  new Option('--precision <type>', 'int8: the graph in 8 bits that mdiff export --int8 has written').choices(['float32', 'int8']);

/** Of commands that fill canvases in blocks. */
export const cacheFlag = (): Option =>
  new Option(
    '--cache <kind>',
    'faster and inexact: after its first pass a block is computed alone (dual), or with all behind it (prefix)',
  ).choices(['none', 'dual', 'prefix']);

export function addSamplingFlags(command: Command): Command {
  return addCommonFlags(command)
    .addOption(shorthand('num_return_sequences', '<texts>', 'texts to write'))
    .addOption(shorthand('seed', '<seed>', 'the same seed gives the same text'))
    .addOption(shorthand('temperature', '<t>', 'randomness; 0 takes the most likely tokens'))
    .addOption(shorthand('num_steps', '<steps>', 'denoising passes at most'))
    .addOption(cacheFlag())
    .addOption(shorthand('sampler', '<name>', `which masks are committed at each step: ${sampling.sampler.range.enum.join(', ')}`))
    .addOption(new Option('--forbid-word <word>', 'a word that is not written, in any case (may be repeated)').argParser(collect))
    .addOption(new Option('--allow-word <word>', 'write only such words and punctuation (may be repeated)').argParser(collect))
    .addOption(new Option('--words-of <file>', 'write only words that this text holds, and invent none').conflicts('allowWord'))
    .option('--json', 'print one JSON object for each prompt')
    .option('--watch', 'show in the terminal how the text appears out of the masks');
}

/** The flag of a sampling option; the configuration checks the range. */
export function shorthand(key: FlagKey, value: string, help: string): Option {
  const { flag, range } = sampling[key];
  const option = new Option(`${flag} ${value}`, help);
  if (range.type === 'string') return option;
  return option.argParser(range.type.includes('integer') ? integer : number);
}

/** The values of the shorthands, with their flags. */
export function shorthandSettings(flags: Shorthands): FlagSetting[] {
  return (Object.keys(sampling) as SamplingKey[]).flatMap((key) => {
    const row = sampling[key];
    const value = flags[row.option as keyof Shorthands];
    return 'flag' in row && value !== undefined ? [{ flag: row.flag, key: `generation.${key}`, value }] : [];
  });
}

/** The rules on words of a command line, as options of @mdiff/generate. */
export async function wordOptions({
  allowWord,
  forbidWord,
  wordsOf,
}: Pick<SamplingFlags, 'allowWord' | 'forbidWord' | 'wordsOf'>): Promise<WordOptions> {
  const allowed = wordsOf === undefined ? allowWord : wordsIn((await loadText(wordsOf)).join('\n'));
  return { ...(allowed && { allowedWords: allowed }), ...(forbidWord && { forbiddenWords: forbidWord }) };
}

/** Names the seed on standard error if the command has drawn it, so that the texts can be written again. */
export function noteSeed({ seed }: { readonly seed?: number | null }, texts: readonly { readonly seed: number }[]): void {
  if (seed === null && texts[0]) process.stderr.write(`seed ${texts[0].seed} (--seed ${texts[0].seed} writes this again)\n`);
}
