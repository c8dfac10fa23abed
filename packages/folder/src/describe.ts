// What a model folder is, without reading its weights.
import { mustBe } from '@mdiff/arguments';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { factsIn } from './card.js';
import { FILES, checkFolderConfig } from './contract.js';
import type { ModelFolderConfig } from './contract.js';
import { parseRecord } from './manifest.js';
import { expectModelFolder, nameOf, readManifest, refuseIn } from './read.js';

export interface ModelDescription {
  path: string;
  name: string;
  config: ModelFolderConfig;
  /** the rows of the first table of its card: text, training, figures */
  facts: Record<string, string>;
  /** bytes of the files that its manifest names */
  bytes: number;
  /** false: weights alone; they write text once the training code has written their graph */
  writes: boolean;
}

/** Describes the model folder at `path` by its manifest, `config.json` and card. @throws ModelError naming the file that is missing or damaged */
export async function describeModel(path: string): Promise<ModelDescription> {
  mustBe('describeModel', 'path', path, 'string');
  await expectModelFolder(path);
  const refuse = refuseIn(path);
  const { files } = await readManifest(path, refuse);
  const text = await readFile(join(path, FILES.config), 'utf8').catch(() => undefined);
  if (text === undefined) throw refuse(FILES.config, 'a file', 'none');
  const config = checkFolderConfig(parseRecord(FILES.config, text, refuse), refuse);
  return {
    path,
    name: nameOf(path, config),
    config,
    facts: factsIn(await readFile(join(path, FILES.card), 'utf8').catch(() => '')),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    writes: files.some((file) => file.path === FILES.graph),
  };
}
