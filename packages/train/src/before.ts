import type { ProjectConfig } from '@mdiff/config';
import type { BaseModel } from '@mdiff/folder/node';
import type { Prepared } from '@mdiff/prepare';
import { excerptOf } from './excerpt.js';
import { networkOf } from './network.js';
import type { TrainOptions } from './options.js';
import { runnable } from './runnable.js';
import type { Runnable } from './runnable.js';

/**
 * Gives `onBase` the base model as a model folder that can write text: a base may be weights alone. The folder is temporary. A failure is a warning,
 * as the run does not need it.
 */
export async function showBase(
  base: BaseModel,
  { config, prepared, options: { onBase, warn } }: { config: ProjectConfig; prepared: Prepared; options: TrainOptions },
): Promise<void> {
  if (!onBase) return;
  let model: Runnable | undefined;
  try {
    const network = networkOf(config.model) as ProjectConfig['model'];
    model = await runnable(base, { name: base.name, network, generation: `${JSON.stringify(config.generation, null, 2)}\n` });
    const excerpt = excerptOf(prepared);
    await onBase({ model: model.folder, ...(excerpt && { excerpt }) });
  } catch (error) {
    warn(`no sample of ${base.name}: ${(error as Error).message.split('\n')[0]}`);
  } finally {
    await model?.remove();
  }
}
