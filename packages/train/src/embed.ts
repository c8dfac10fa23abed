import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Embedder } from '@mdiff/curriculum/scores';

export type Provider = (options: { seed: number }) => Embedder | Promise<Embedder>;

/** Sentence embeddings registered in code, by the name for `curriculum.embedding_model`. */
export const embedders: Record<string, Provider> = {};

/**
 * The provider of the configuration. One that is set and not there is an error (S2), one that is only the default a notice (N3) and the provider
 * that needs no files. Nothing is ever downloaded.
 */
export async function embedderOf(config: ProjectConfig, tfidfSvd: Provider): Promise<{ embedder: Embedder; notice?: Issue }> {
  const { seed } = config;
  const known = new Map(Object.entries({ 'tfidf-svd': tfidfSvd, ...embedders }));
  const open = known.get(config.curriculum.embedding_model);
  if (open) return { embedder: await open({ seed }) };
  if (isSetIn(config, 'curriculum.embedding_model')) throw new ConfigError([startup.embedderAbsent(config)]);
  return { embedder: await tfidfSvd({ seed }), notice: startup.embedderFallback(config) };
}
