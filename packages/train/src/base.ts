import { join } from 'node:path';
import { shapedBy } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import type { TrainState } from '@mdiff/engine';
import { MdiffError, modelSection } from '@mdiff/folder';
import { readBase } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import type { ParamLayout } from '@mdiff/model';
import { newestProgress } from './checkpoint.js';
import type { BaseRecord } from './checkpoint.js';

export const recordOf = ({ name, sha256, facts }: BaseModel): BaseRecord => ({ name, sha256, card: facts });

/**
 * The configuration with the shape of its base model. A run that has a checkpoint takes it from there, and needs the model folder no longer.
 * @returns the base model too, unless a checkpoint stands for it
 */
export async function withBase(
  config: ProjectConfig,
  folder: string,
  resumes: boolean,
): Promise<{ config: ProjectConfig; base?: BaseModel }> {
  if (config.model.init_from === null) return { config };
  const saved = resumes ? await newestProgress(join(folder, 'checkpoints')) : undefined;
  if (saved) return { config: shapedBy(config, saved.model) };
  const base = await readBase(config.model.init_from);
  return { config: shapedBy(config, modelSection(base.config)), base };
}

/** A state that begins with the weights of `base`: the average of the weights starts from them too, and the moments are zero. */
export function stateFrom({ weights, path }: BaseModel, layout: ParamLayout, averages: boolean): TrainState {
  const params = new Float32Array(layout.total);
  for (const { name, size, offset } of layout.params) {
    const tensor = weights.get(name);
    if (tensor?.data.length !== size)
      throw new MdiffError(
        'MDIFF_BASE',
        `model.init_from: ${path}: expected ${size} weights "${name}", got ${tensor?.data.length ?? 'none'}; export the model again`,
      );
    params.set(tensor.data, offset);
  }
  return {
    params,
    m: new Float32Array(layout.total),
    v: new Float32Array(layout.total),
    ...(averages && { ema: params.slice() }),
  };
}
