import { ConfigError, isSetIn, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Embedder } from '@mdiff/curriculum/scores';

export const FALLBACK = 'tfidf-svd';

/** Sentence embeddings by the name in `curriculum.embedding_model`; add to it to register another provider. */
export const embedders: Record<string, (options: { seed: number }) => Promise<Embedder>> = {
  [FALLBACK]: async (options) => (await import('@mdiff/curriculum/scores')).tfidfSvd(options),
};

/**
 * The provider of the configuration. One that is set and not there is an error (S2), one that is only the default a notice (N3) and the provider
 * that needs no files. Nothing is ever downloaded.
 */
export async function embedderOf(config: ProjectConfig): Promise<{ embedder: Embedder; notice?: Issue }> {
  const name = config.curriculum.embedding_model;
  const { seed } = config;
  const open = Object.hasOwn(embedders, name) ? embedders[name] : undefined;
  if (open) return { embedder: await open({ seed }) };
  if (isSetIn(config, 'curriculum.embedding_model')) throw new ConfigError([startup.embedderAbsent(config)]);
  return { embedder: await embedders[FALLBACK]!({ seed }), notice: startup.embedderFallback(config) };
}
