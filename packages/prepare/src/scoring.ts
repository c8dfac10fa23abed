import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Advance, Embedder, Embedding, LatentSpace, ScoreOptions } from '@mdiff/curriculum/scores';
import { MdiffError } from '@mdiff/folder';
import { openPool, usableThreads } from '@mdiff/workers';
import type { Pool } from '@mdiff/workers';
import { embedderOf } from './embed.js';
import { IN_HAND, floatsOf, inLanes } from './helper.js';
import type { Helper, Part } from './helper.js';

// Sentences of one task: about a quarter of a second.
const PARSE_TASK = 128;
const EMBED_TASK = 64;
// To start a thread and load the tagger there costs as much as parsing this many sentences here.
const FEW = 512;

/** Does one task; several of them work at once. */
type Lane<T> = (sentences: readonly string[]) => Promise<T>;

/**
 * `parseFeatures` in lanes, `width` counts a sentence. Each sentence is parsed alone and its result has a fixed place, so the number of
 * lanes changes nothing.
 */
async function parseIn(
  lanes: readonly Lane<Float32Array>[],
  sentences: readonly string[],
  width: number,
  advance?: Advance,
): Promise<Float32Array> {
  const features = new Float32Array(sentences.length * width);
  await inLanes(lanes, Math.ceil(sentences.length / PARSE_TASK), async (parse, task) => {
    const from = task * PARSE_TASK;
    const chunk = sentences.slice(from, from + PARSE_TASK);
    features.set(await parse(chunk), from * width);
    advance?.(chunk.length);
  });
  return features;
}

/** An encoder's vectors in lanes. A task has sentences of similar length; the tasks depend only on the sentences. */
async function encodeIn(lanes: readonly Lane<Float32Array>[], sentences: readonly string[], advance?: Advance): Promise<Embedding> {
  const order = Array.from(sentences.keys()).sort((a, b) => sentences[b]!.length - sentences[a]!.length || a - b);
  let all: Embedding = { data: new Float32Array(0), dimensions: 0 };
  await inLanes(lanes, Math.ceil(order.length / EMBED_TASK), async (embed, task) => {
    const members = order.slice(task * EMBED_TASK, (task + 1) * EMBED_TASK);
    const data = await embed(members.map((i) => sentences[i]!));
    const d = data.length / members.length;
    if (all.dimensions === 0) all = { data: new Float32Array(sentences.length * d), dimensions: d };
    members.forEach((i, row) => all.data.set(data.subarray(row * d, (row + 1) * d), i * d));
    advance?.(members.length);
  });
  return all;
}

/** The embedder and the parser for `scoreSentences`, with worker threads behind them. */
export interface Scoring {
  options: Pick<ScoreOptions, 'embedder' | 'parse' | 'fitCentres'>;
  /** says which provider replaces an absent one */
  notice?: Issue;
  close(): Promise<void>;
}

export interface ScoringOptions {
  signal?: AbortSignal | undefined;
  /** other processes that parse and embed too */
  helpers?: readonly Helper[] | undefined;
}

/** Threads that parse, embed and fit. They start when there are tasks. */
export const openThreads = (size: number): Pool =>
  openPool(new URL(import.meta.url.endsWith('.ts') ? './scorer.ts' : './scorer.js', import.meta.url), size);

/**
 * The embedder of the configuration and the threads (`hardware.cpu_threads`, else as many as there are processors) that parse, embed and fit. Aborting rejects
 * the waiting tasks. @throws ConfigError S2 for an embedding model that was set and is not there
 */
export async function openScoring(config: ProjectConfig, { signal, helpers = [] }: ScoringOptions = {}): Promise<Scoring> {
  // Not at the top: the tagger and the linear algebra are seven hundred files, which a command that scores nothing must not load.
  const { PARSE_FEATURES, fitCentres, learnLatent, parseFeatures, tfidfSvd } = await import('@mdiff/curriculum/scores');
  const size = config.hardware.cpu_threads > 0 ? config.hardware.cpu_threads : usableThreads();
  const pool = openThreads(size);
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
  /** Lanes of the threads here, and of each helper. */
  const lanes = (here: Lane<Float32Array>, partOf: (sentences: readonly string[]) => Part): Lane<Float32Array>[] => [
    ...Array.from({ length: IN_HAND * size }, () => here),
    ...helpers.flatMap((helper) =>
      Array.from({ length: IN_HAND * helper.threads }, (): Lane<Float32Array> => async (sentences) => {
        return floatsOf((await helper.run(partOf(sentences)))[0]!);
      }),
    ),
  ];
  const parsing = lanes(
    (sentences) => pool.run<Float32Array>('parse', sentences),
    (sentences) => ({ op: 'parse', sentences }),
  );
  /** Each thread opens an encoder that is in a folder; other embedders run in this one. */
  const inThreads = ({ folder, ...embedder }: Embedder & { folder?: string }): Embedder => {
    if (folder === undefined) return embedder;
    const { name, version } = embedder;
    const embedding = lanes(
      async (sentences) => (await pool.run<Embedding>('embed', { folder, sentences }, { first: true })).data,
      (sentences) => ({ op: 'embed', encoder: { name, version }, sentences }),
    );
    return { name, version, embed: (sentences, advance) => encodeIn(embedding, sentences, advance) };
  };
  try {
    const { embedder, notice } = await embedderOf(config, ({ seed }) => tfidfSvd({ seed, learn }));
    return {
      options: {
        embedder: inThreads(embedder),
        parse: (sentences, advance) =>
          sentences.length <= FEW ? parseFeatures(sentences) : parseIn(parsing, sentences, PARSE_FEATURES.length, advance),
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
