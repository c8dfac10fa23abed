import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { FILES, modelSection, places, toFolderConfig } from '@mdiff/folder';
import { readBase, writeFolderWhole } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import { stateFrom } from './base.js';
import { graphFiles } from './export.js';

/** A model folder for a short time. */
export interface Runnable {
  folder: string;
  remove(): Promise<void>;
}

/** Writes a base model as a temporary model folder that can be run: a base may be weights alone. */
export async function runnable(
  base: BaseModel,
  { name, network, generation }: { name: string; network: ProjectConfig['model']; generation: string },
): Promise<Runnable> {
  const place = await mkdtemp(join(tmpdir(), 'mdiff-base-'));
  const remove = (): Promise<void> => rm(place, { recursive: true, force: true });
  try {
    const { layoutOf, onnxOf } = await import('@mdiff/engine/compute');
    const { params } = stateFrom(base, layoutOf(network), false);
    const folder = join(place, 'model');
    const files = {
      [FILES.config]: `${JSON.stringify(toFolderConfig(network, name), null, 2)}\n`,
      [FILES.tokenizer]: base.tokenizer,
      [FILES.generation]: generation,
      ...graphFiles(await onnxOf(network, params, {})),
    };
    await writeFolderWhole(folder, files, places.output);
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The same for the model that `from` names, as `model.init_from` does. Throws ModelError for a folder that is missing or damaged. */
export async function withGraph(from: string): Promise<Runnable> {
  const base = await readBase(from);
  const network = modelSection(base.config) as unknown as ProjectConfig['model'];
  const generation = await readFile(join(base.path, FILES.generation), 'utf8').catch(() => '{}');
  return runnable(base, { name: base.config.experiment_name ?? base.name, network, generation });
}
