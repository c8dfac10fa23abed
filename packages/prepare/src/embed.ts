import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Embedder } from '@mdiff/curriculum/scores';
import { usableThreads } from '@mdiff/workers';
import type { EncoderEmbedder } from './encoder.js';

export type Provider = (options: { seed: number }) => Embedder | Promise<Embedder>;

/** Further sentence embeddings, by their name in `curriculum.embedding_model`; a program adds its own here. */
export const embedders: Record<string, Provider> = {};

const hasEncoder = (folder: string): Promise<boolean> =>
  stat(join(folder, 'onnx', 'model.onnx')).then(
    (entry) => entry.isFile(),
    () => false,
  );

/** The encoder in the folder `name`, or in a folder of that name in `cache_dir/models`; undefined where neither holds one. */
export async function encoderOf({ cache_dir, hardware }: ProjectConfig, name: string): Promise<EncoderEmbedder | undefined> {
  for (const folder of [name, join(cache_dir, 'models', name)]) {
    if (await hasEncoder(folder)) return (await import('./encoder.js')).onnxEmbedder(name, folder, hardware.cpu_threads || usableThreads());
  }
  return undefined;
}

/**
 * The embedder that `curriculum.embedding_model` names: a folder with an ONNX encoder, a folder of that name in `cache_dir/models`, or a provider. If it is
 * absent and you set it, that is an error (S2). If it is only the default, `tfidfSvd`, which needs no files, replaces it, with a notice (N3). Nothing is
 * downloaded.
 */
export async function embedderOf(config: ProjectConfig, tfidfSvd: Provider): Promise<{ embedder: Embedder; notice?: Issue }> {
  const { seed } = config;
  const name = config.curriculum.embedding_model;
  const embedder = await encoderOf(config, name);
  if (embedder) return { embedder };
  const open = new Map(Object.entries({ 'tfidf-svd': tfidfSvd, ...embedders })).get(name);
  if (open) return { embedder: await open({ seed }) };
  if (isSetIn(config, 'curriculum.embedding_model')) throw new ConfigError([startup.embedderAbsent(config)]);
  return { embedder: await tfidfSvd({ seed }), notice: startup.embedderFallback(config) };
}
