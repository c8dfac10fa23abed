import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Embedder } from '@mdiff/curriculum/scores';

export type Provider = (options: { seed: number }) => Embedder | Promise<Embedder>;

/** Sentence embeddings registered in code, by the name for `curriculum.embedding_model`. */
export const embedders: Record<string, Provider> = {};

const hasEncoder = (folder: string): Promise<boolean> => stat(join(folder, 'onnx', 'model.onnx')).then((found) => found.isFile(), () => false);

/**
 * What `curriculum.embedding_model` names: a folder with an ONNX encoder, one of that name in `cache_dir/models`, or a provider. One that is set and not there
 * is an error (S2), one that is only the default a notice (N3) and the provider that needs no files. Nothing is ever downloaded.
 */
export async function embedderOf(config: ProjectConfig, tfidfSvd: Provider): Promise<{ embedder: Embedder; notice?: Issue }> {
  const { seed } = config;
  const name = config.curriculum.embedding_model;
  for (const folder of [name, join(config.cache_dir, 'models', name)]) {
    if (await hasEncoder(folder)) return { embedder: await (await import('./encoder.js')).onnxEmbedder(name, folder, config.hardware.cpu_threads || availableParallelism()) };
  }
  const known = new Map(Object.entries({ 'tfidf-svd': tfidfSvd, ...embedders }));
  const open = known.get(name);
  if (open) return { embedder: await open({ seed }) };
  if (isSetIn(config, 'curriculum.embedding_model')) throw new ConfigError([startup.embedderAbsent(config)]);
  return { embedder: await tfidfSvd({ seed }), notice: startup.embedderFallback(config) };
}
