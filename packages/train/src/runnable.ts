import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
export async function runnable(base: BaseModel, settings: Settings): Promise<Runnable> {
  const place = await mkdtemp(join(tmpdir(), 'mdiff-base-'));
  const remove = (): Promise<void> => rm(place, { recursive: true, force: true });
  try {
    const folder = join(place, 'model');
    await write(folder, base, settings);
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Settings {
  name: string;
  network: ProjectConfig['model'];
  generation: string;
}

async function write(folder: string, base: BaseModel, { name, network, generation }: Settings): Promise<void> {
  const { layoutOf, onnxOf } = await import('@mdiff/engine/compute');
  const { params } = stateFrom(base, layoutOf(network), false);
  const files = {
    [FILES.config]: `${JSON.stringify(toFolderConfig(network, name, base.config.causal_share), null, 2)}\n`,
    [FILES.tokenizer]: base.tokenizer,
    [FILES.generation]: generation,
    ...graphFiles(await onnxOf(network, params, { block: true, causal: (base.config.causal_share ?? 0) > 0 })),
  };
  await writeFolderWhole(folder, files, places.output);
}

/** Writes the model that `from` names, as `model.init_from` does, to `place`, with a graph. Throws ModelError for a folder that is missing or damaged. */
export async function withGraph(from: string, place: string): Promise<void> {
  const base = await readBase(from);
  const network = modelSection(base.config) as unknown as ProjectConfig['model'];
  const generation = await readFile(join(base.path, FILES.generation), 'utf8').catch(() => '{}');
  await mkdir(dirname(place), { recursive: true });
  await write(place, base, { name: base.config.experiment_name ?? base.name, network, generation });
}
