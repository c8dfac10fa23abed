import { isSetIn, shapedBy, type ProjectConfig } from '@mdiff/config';
import type { MemoryFactors } from '@mdiff/engine';
import { modelSection } from '@mdiff/folder';
import { readBase } from '@mdiff/folder/node';

/** The memory of the engine that a run would take here; undefined if this machine lacks the engine or the device that the configuration sets. */
export async function memoryHere(config: ProjectConfig): Promise<MemoryFactors | undefined> {
  const { selectSetting } = await import('@mdiff/engine');
  try {
    return (await selectSetting(config)).memory;
  } catch (error) {
    // `mdiff train` refuses the run for this and names it; the estimate is not what is wrong.
    if (isSetIn(config, 'engine') || isSetIn(config, 'device')) return undefined;
    throw error;
  }
}

/** The configuration with the shape of the base model that it starts from, as a run would have it. @throws MdiffError for a base that is not here */
export async function shapedHere(config: ProjectConfig): Promise<ProjectConfig> {
  const { init_from } = config.model;
  return init_from === null ? config : shapedBy(config, modelSection((await readBase(init_from)).config));
}
