import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Advance, Embedder, Embedding, LatentSpace, ScoreOptions } from '@mdiff/curriculum/scores';
import { MdiffError } from '@mdiff/folder';
import { openPool, usableThreads } from '@mdiff/workers';
import type { Pool } from '@mdiff/workers';
import { embedderOf } from './embed.js';

// Sentences of one task: about a quarter of a second.
const PARSE_TASK = 128;
const EMBED_TASK = 64;
// To start a thread and load the tagger there costs as much as parsing this many sentences here.
const FEW = 512;

/**
 * `parseFeatures` in worker threads, `width` counts a sentence. Each sentence is parsed alone and its result has a fixed place, so the
 * number of workers changes nothing.
 */
async function parseIn(pool: Pool, sentences: readonly string[], width: number, advance?: Advance): Promise<Float32Array> {
  const features = new Float32Array(sentences.length * width);
  const parse = async (from: number): Promise<void> => {
    const chunk = sentences.slice(from, from + PARSE_TASK);
    features.set(await pool.run<Float32Array>('parse', chunk), from * width);
    advance?.(chunk.length);
  };
  await Promise.all(Array.from({ length: Math.ceil(sentences.length / PARSE_TASK) }, (_, i) => parse(i * PARSE_TASK)));
  return features;
}

/** An encoder's vectors in worker threads. A task has sentences of similar length; the tasks depend only on the sentences. */
async function encodeIn(pool: Pool, folder: string, sentences: readonly string[], advance?: Advance): Promise<Embedding> {
  const order = Array.from(sentences.keys()).sort((a, b) => sentences[b]!.length - sentences[a]!.length || a - b);
  let all: Embedding = { data: new Float32Array(0), dimensions: 0 };
  const encode = async (from: number): Promise<void> => {
    const members = order.slice(from, from + EMBED_TASK);
    const { data, dimensions: d } = await pool.run<Embedding>(
      'embed',
      { folder, sentences: members.map((i) => sentences[i]!) },
      { first: true },
    );
    if (all.dimensions === 0) all = { data: new Float32Array(sentences.length * d), dimensions: d };
    members.forEach((i, row) => all.data.set(data.subarray(row * d, (row + 1) * d), i * d));
    advance?.(members.length);
  };
  await Promise.all(Array.from({ length: Math.ceil(order.length / EMBED_TASK) }, (_, i) => encode(i * EMBED_TASK)));
  return all;
}

/** The embedder and the parser for `scoreSentences`, with worker threads behind them. */
export interface Scoring {
  options: Pick<ScoreOptions, 'embedder' | 'parse' | 'fitCentres'>;
  /** says which provider replaces an absent one */
  notice?: Issue;
  close(): Promise<void>;
}

/**
 * The embedder of the configuration and the threads (`hardware.cpu_threads`, else as many as there are processors) that parse, embed and fit. Aborting rejects
 * the waiting tasks. @throws ConfigError S2 for an embedding model that was set and is not there
 */
export async function openScoring(config: ProjectConfig, signal?: AbortSignal): Promise<Scoring> {
  // Not at the top: the tagger and the linear algebra are seven hundred files, which a command that scores nothing must not load.
  const { PARSE_FEATURES, fitCentres, learnLatent, parseFeatures, tfidfSvd } = await import('@mdiff/curriculum/scores');
  const size = config.hardware.cpu_threads > 0 ? config.hardware.cpu_threads : usableThreads();
  const pool = openPool(new URL(import.meta.url.endsWith('.ts') ? './scorer.ts' : './scorer.js', import.meta.url), size);
  const stop = (): void =>
    void pool.close(
      new MdiffError(
        'MDIFF_INTERRUPTED',
        'scoring was interrupted before any training; run the same command again: it goes on from the signals in the cache',
        130,
      ),
    );
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const learn = (sentences: readonly string[], seed: number): LatentSpace | Promise<LatentSpace> =>
    sentences.length <= FEW ? learnLatent(sentences, seed) : pool.run<LatentSpace>('learn', { sentences, seed }, { first: true });
  const close = async (): Promise<void> => {
    signal?.removeEventListener('abort', stop);
    await pool.close();
  };
  try {
    const { embedder, notice } = await embedderOf(config, ({ seed }) => tfidfSvd({ seed, learn }));
    return {
      options: {
        embedder: inPool(embedder, pool),
        parse: (sentences, advance) =>
          sentences.length <= FEW ? parseFeatures(sentences) : parseIn(pool, sentences, PARSE_FEATURES.length, advance),
        fitCentres: (points, settings) =>
          points.data.length <= FEW * points.dimensions
            ? fitCentres(points, settings)
            : pool.run<Float64Array>('centres', { points, settings }, { first: true }),
      },
      ...(notice && { notice }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Each worker opens an encoder that is in a folder; other embedders run in this thread. */
function inPool(embedder: Embedder & { folder?: string }, pool: Pool): Embedder {
  const { folder, name, version } = embedder;
  return folder === undefined ? embedder : { name, version, embed: (sentences, advance) => encodeIn(pool, folder, sentences, advance) };
}
