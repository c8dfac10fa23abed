import { isSetIn, type ProjectConfig } from '@mdiff/config';
import type { MemoryFactors } from '@mdiff/engine';

/** The memory of the engine that a run would take here; undefined if this machine lacks the engine or the device that the configuration sets. */
export async function memoryHere(config: ProjectConfig): Promise<MemoryFactors | undefined> {
  const { selectSetting } = await import('@mdiff/engine');
  try {
    return selectSetting(config).memory;
  } catch (error) {
    // `mdiff train` refuses the run for this and names it; the estimate is not what is wrong.
    if (isSetIn(config, 'engine') || isSetIn(config, 'device')) return undefined;
    throw error;
  }
}
