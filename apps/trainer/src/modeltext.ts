import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { FILES, MdiffError } from '@mdiff/folder';
import type { Band, ModelText } from '@mdiff/prepare';

// Reads the training text of a finished model for its evaluation.

async function read(folder: string): Promise<{ config: ProjectConfig; tokenizerJson: string }> {
  const file = join(folder, FILES.resolved);
  const text = await readFile(file, 'utf8').catch(() => {
    throw new MdiffError('MDIFF_MODEL', `${file}: this folder does not say what its model was trained on`, 2);
  });
  return { config: ProjectConfig.resolved(text, file), tokenizerJson: await readFile(join(folder, FILES.tokenizer), 'utf8') };
}

/** The training text of a model folder, and the held-out units of its run with their seed. @throws MdiffError if the text is not here */
export async function textOfModel(folder: string, signal?: AbortSignal): Promise<ModelText & { seed: number }> {
  const { config, tokenizerJson } = await read(folder);
  const { modelText } = await import('@mdiff/prepare');
  return { ...(await modelText(config, tokenizerJson, signal)), seed: config.seed };
}

/** The difficulty band of each text among the others, by the signals that the configuration of a model folder names. */
export async function bandsOfTexts(folder: string, texts: readonly string[], signal?: AbortSignal): Promise<Band[]> {
  const { config, tokenizerJson } = await read(folder);
  const { bandsOf } = await import('@mdiff/prepare');
  return bandsOf(config, texts, { tokenizerJson, ...(signal && { signal }) });
}
