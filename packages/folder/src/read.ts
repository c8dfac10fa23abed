// Reads and checks folders that have a manifest: model folders, and folders of any other files.
import { mustBe } from '@mdiff/arguments';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FILES, NEEDED, checkFolderConfig, refuser } from './contract.js';
import type { ModelFolder, ModelFolderConfig, Refuse } from './contract.js';
import { describeFault, diskError, places } from './disk.js';
import { MdiffError, ModelError } from './errors.js';
import { sha256 } from './files.js';
import { MANIFEST, checkEntry, parseManifest, parseRecord } from './manifest.js';
import type { Manifest, ManifestEntry } from './manifest.js';

const reading = { task: 'read', place: { ...places.file, elsewhere: 'choose another folder' } } as const;

/** Makes the errors of the files in a folder on the disk. `key` names the setting that chose the folder. */
export const refuseIn = (path: string, key = ''): Refuse => refuser((file) => `${key}${join(path, file)}`);

/** The name of a model: its experiment's, else its folder's, else that of the run around it. */
export function nameOf(path: string, config: ModelFolderConfig): string {
  const folder = basename(path);
  return config.experiment_name ?? (folder === 'model' ? basename(dirname(path)) : folder);
}

const WEIGHTS_ALONE =
  'the commands of mdiff write the graph of such a folder at its first use, if @mdiff/trainer is installed; a library needs a folder that has one';

/**
 * Reads a model folder. Sizes in `manifest.json` are always compared; hashes unless `verify` is false.
 * Throws {@link ModelError} naming the file, what was expected and what was found.
 */
export async function readFolder(folder: string, options: { verify?: boolean } = {}): Promise<ModelFolder> {
  mustBe('readFolder', 'folder', folder, 'string');
  mustBe('readFolder', 'options', options, 'object');
  const { verify = true } = options;
  const path = resolve(folder);
  await expectModelFolder(folder);
  const refuse = refuseIn(path);
  const { created, files } = await readManifest(path, refuse);
  const has = (path: string): boolean => files.some((file) => file.path === path);
  for (const needed of NEEDED) {
    if (has(needed)) continue;
    if (needed === FILES.graph && has(FILES.weights)) throw refuse(MANIFEST, `an entry for ${needed}`, 'weights alone', WEIGHTS_ALONE);
    throw refuse(MANIFEST, `an entry for ${needed}`, 'none');
  }
  for (const entry of files) checkEntry(entry, await statFile(path, entry, verify), refuse);

  const config = checkFolderConfig(await readRecord(path, FILES.config, refuse), refuse);
  return {
    path,
    name: nameOf(path, config),
    created: Math.floor(Date.parse(created) / 1000) || 0,
    config,
    generation: await readRecord(path, FILES.generation, refuse),
    tokenizer: await readText(path, FILES.tokenizer, refuse),
    graph: join(path, FILES.graph),
    ...(has(FILES.causal) && { causalGraph: join(path, FILES.causal) }),
    ...(has(FILES.block) && { blockGraph: join(path, FILES.block) }),
    ...(has(FILES.quantized) && { quantizedGraph: join(path, FILES.quantized) }),
    ...(has(FILES.quantizedCausal) && { quantizedCausalGraph: join(path, FILES.quantizedCausal) }),
    ...(has(FILES.quantizedBlock) && { quantizedBlockGraph: join(path, FILES.quantizedBlock) }),
  };
}

/** Reads every file of a folder that `writeFolderWhole` has written, checking sizes and checksums. Throws MdiffError MDIFF_DAMAGED naming the file. */
export async function readFolderWhole(path: string): Promise<Record<string, Buffer>> {
  mustBe('readFolderWhole', 'path', path, 'string');
  const refuse: Refuse = (file, expected, got, remedy = 'the folder was changed or not written by mdiff') =>
    new MdiffError('MDIFF_DAMAGED', `${join(path, file)}: expected ${expected}, got ${got}; ${remedy}`);
  const files: Record<string, Buffer> = {};
  for (const entry of (await readManifest(path, refuse)).files) {
    const content = await readFile(join(path, entry.path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      // A disk that cannot read its blocks has damaged the file; a file that this process may not read is whole.
      if (error.code === 'EIO') throw refuse(entry.path, 'a readable file', 'an error of the disk (EIO)');
      throw diskError(join(path, entry.path), error, { task: 'read', place: places.run });
    });
    checkEntry(entry, content && { size: content.byteLength, sha256: sha256(content) }, refuse);
    files[entry.path] = content!;
  }
  return files;
}

const exists = (path: string): Promise<boolean> => statIfAny(path).then((info) => info !== undefined);

/** @returns undefined where nothing is at `path`; throws ModelError for a path that cannot be looked at */
const statIfAny = (path: string): Promise<Stats | undefined> =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new ModelError(`${path}: cannot read it: ${describeFault(error, reading) ?? error.message}`);
  });

/** Says what a path is that is no model folder, and where one may be. */
export async function expectModelFolder(folder: string): Promise<void> {
  const wrong = (got: string, remedy: string): ModelError => new ModelError(`${folder}: expected a model folder, got ${got}; ${remedy}`, 2);
  const info = await statIfAny(folder);
  if (info === undefined) throw wrong('nothing at this path', 'give the folder that training wrote (…/model)');
  if (!info.isDirectory()) throw wrong('a file', 'give the folder that contains it');
  if (await exists(join(folder, MANIFEST))) return;
  const inside = await exists(join(folder, 'model', MANIFEST));
  throw wrong(
    `a folder without ${MANIFEST}`,
    inside ? `did you mean ${join(folder, 'model')}?` : 'give the folder that training wrote (…/model)',
  );
}

function readText(folder: string, file: string, refuse: Refuse): Promise<string> {
  return readFile(join(folder, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw refuse(file, 'a readable file', 'nothing');
    const [fault, remedy] = (describeFault(error, reading) ?? error.message).split('; ');
    throw refuse(file, 'a readable file', fault!, remedy);
  });
}

const readRecord = async (folder: string, file: string, refuse: Refuse): Promise<Record<string, unknown>> =>
  parseRecord(file, await readText(folder, file, refuse), refuse);

export const readManifest = async (folder: string, refuse: Refuse): Promise<Manifest> =>
  parseManifest(await readText(folder, MANIFEST, refuse), refuse);

/** Size and, where wanted, checksum of a file; a graph can be large, so it is hashed as a stream. */
async function statFile(
  folder: string,
  { path, size }: ManifestEntry,
  verify: boolean,
): Promise<{ size: number; sha256?: string } | undefined> {
  const info = await statIfAny(join(folder, path));
  if (info === undefined || !info.isFile()) return undefined;
  if (!verify || info.size !== size) return { size: info.size };
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(join(folder, path), { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  } catch (error) {
    throw new ModelError(`${join(folder, path)}: cannot read it: ${describeFault(error, reading) ?? String(error)}`);
  }
  return { size: info.size, sha256: hash.digest('hex') };
}
