import { readFolder } from '@mdiff/folder/node';
import { loadModel, type Model } from '@mdiff/generate';
import { type CommonFlags, type Shorthands, shorthandSets } from './flags.js';
import { UsageError } from './report.js';
import { settings, type Settings } from './settings.js';

/** The model folder of a command line: its first argument or `--model`. */
export function folderOf(command: string, argument: string | undefined, { model }: CommonFlags): string {
  const folder = argument ?? model;
  if (folder === undefined) throw new UsageError(`${command}: expected a model folder, got none; for example mdiff ${command} outputs/my-book/model`);
  if (argument !== undefined && model !== undefined && argument !== model) {
    throw new UsageError(`${command}: expected one model folder, got "${argument}" and --model "${model}"; leave one out`);
  }
  return folder;
}

/** Reads how to sample before the model is loaded, so that a mistake there shows at once; then opens the model. */
export async function openFolder(folder: string, flags: Flags): Promise<Settings & { model: Model }> {
  const { sampling, seed, ...rest } = await readSettings(folder, flags);
  const model = await loadModel(folder, loadOptions(flags));
  return { ...rest, seed, sampling: { ...sampling, seed: sampling.seed ?? seed }, model };
}

type Flags = CommonFlags & Shorthands;

/** What `generation_config.json`, the environment, `--set` and the shorthands come to. Prints warnings. */
export async function readSettings(folder: string, flags: Flags): Promise<Settings> {
  const read = settings(await readFolder(folder, { verify: false }), [...(flags.set ?? []), ...shorthandSets(flags)]);
  for (const warning of read.warnings) process.stderr.write(`${warning}\n`);
  return read;
}

export const loadOptions = ({ verify, threads }: CommonFlags) => ({ verify, ...(threads === undefined ? {} : { threads }) });

/** Runs `job` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process as usual. */
export async function interruptible<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interrupted('interrupted'));
  process.once('SIGINT', interrupt);
  try {
    return await job(controller.signal);
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

/** Ctrl-C. The shell's convention for the exit code is 128 + the signal's number. */
export class Interrupted extends Error {
  readonly code = 'MDIFF_INTERRUPTED';
  readonly exitCode = 130;
  override readonly name = 'Interrupted';
}
