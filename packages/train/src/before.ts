import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { layoutOf, onnxOf } from '@mdiff/engine';
import { FILES, places, toFolderConfig } from '@mdiff/folder';
import { writeFolderWhole } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import type { Prepared } from '@mdiff/prepare';
import { stateFrom } from './base.js';
import { excerptOf } from './excerpt.js';
import { graphFiles } from './export.js';
import { networkOf } from './network.js';
import type { TrainOptions } from './options.js';

/**
 * Gives `onBase` the base model as a model folder that can write text: a base may be weights alone. The folder is temporary. A failure is a warning,
 * as the run does not need it.
 */
export async function showBase(
  base: BaseModel,
  { config, prepared, options: { onBase, warn } }: { config: ProjectConfig; prepared: Prepared; options: TrainOptions },
): Promise<void> {
  if (!onBase) return;
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-base-'));
  try {
    const network = networkOf(config.model) as ProjectConfig['model'];
    const { params } = stateFrom(base, layoutOf(network), false);
    const model = join(folder, 'model');
    const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
    await writeFolderWhole(
      model,
      {
        [FILES.config]: json(toFolderConfig(network, base.name)),
        [FILES.tokenizer]: base.tokenizer,
        [FILES.generation]: json(config.generation),
        ...graphFiles(await onnxOf(network, params, {})),
      },
      places.output,
    );
    const excerpt = excerptOf(prepared);
    await onBase({ model, ...(excerpt && { excerpt }) });
  } catch (error) {
    warn(`no sample of ${base.name}: ${(error as Error).message.split('\n')[0]}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
