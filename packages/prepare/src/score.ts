import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Unit } from '@mdiff/curriculum';
import { PARSE_FEATURES, fitCentres, learnLatent, listSentences, parseFeatures, scoreSentences, tfidfSvd, unitComplexity } from '@mdiff/curriculum/scores';
import type { Advance, Embedder, Embedding, LatentSpace, Memo, ScoreOptions, ScoreReport } from '@mdiff/curriculum/scores';
import type { Section, Tokenizer } from '@mdiff/text';
import { embedderOf } from './embed.js';
import { MdiffError } from '@mdiff/folder';
import { sha256, writeFileWhole } from '@mdiff/folder/node';
import { openPool } from '@mdiff/workers';
import type { Pool } from '@mdiff/workers';

// Scoring a text: the caches, threads and files around the signals of @mdiff/curriculum.

export interface UnitScores {
  /** one number per unit, in their order; high is hard */
  of(units: readonly Unit[]): Float64Array;
  report: ScoreReport;
  notices: Issue[];
}

export type Progress = (done: number, total: number) => void;

/**
 * Keeps what was computed in `folder`, by a hash of the text, the signal's name, its settings and its code's version. An entry that is damaged is made anew;
 * entries appear whole, so that processes may share the folder.
 */
export function fileMemo(folder: string, text: string): Memo {
  return async (name, settings, make) => {
    const path = join(folder, `${name}-${sha256(JSON.stringify([text, name, settings])).slice(0, 32)}.f32`);
    const known = await readFile(path).catch(() => undefined);
    if (known !== undefined && known.length >= 32) {
      const [sum, payload] = [known.subarray(0, 32), known.subarray(32)];
      // A copy: the buffer of a file need not be aligned.
      if (payload.length % 4 === 0 && sha256(payload) === sum.toString('hex')) return new Float32Array(Uint8Array.from(payload).buffer);
    }
    const made = await make();
    const payload = Buffer.from(made.buffer, made.byteOffset, made.byteLength);
    await writeFileWhole(path, Buffer.concat([Buffer.from(sha256(payload), 'hex'), payload]));
    return made;
  };
}

/** A hash of a text's sentences, which may be too long to be one string. */
export function hashSentences(sentences: readonly string[]): string {
  const hash = createHash('sha256');
  for (let at = 0; at < sentences.length; at += 4096) hash.update(JSON.stringify(sentences.slice(at, at + 4096)));
  return hash.digest('hex');
}

// Tasks of about a quarter of a second.
const PARSED = 128;
const ENCODED = 64;
// Starting a thread and loading the tagger there costs as much as parsing this many sentences here.
const FEW = 512;

/** `parseFeatures` in worker threads. Sentences are parsed alone and results lie where their sentence lies: the number of workers changes nothing. */
async function parseIn(pool: Pool, sentences: readonly string[], advance?: Advance): Promise<Float32Array> {
  const features = new Float32Array(sentences.length * PARSE_FEATURES.length);
  const parse = async (from: number): Promise<void> => {
    const chunk = sentences.slice(from, from + PARSED);
    features.set(await pool.run<Float32Array>('parse', chunk), from * PARSE_FEATURES.length);
    advance?.(chunk.length);
  };
  await Promise.all(Array.from({ length: Math.ceil(sentences.length / PARSED) }, (_, i) => parse(i * PARSED)));
  return features;
}

/** An encoder's vectors in worker threads. A task has sentences of like length; which ones are together follows from the sentences alone. */
async function encodeIn(pool: Pool, folder: string, sentences: readonly string[], advance?: Advance): Promise<Embedding> {
  const order = Array.from(sentences.keys()).sort((a, b) => sentences[b]!.length - sentences[a]!.length || a - b);
  let all: Embedding = { data: new Float32Array(0), dimensions: 0 };
  const encode = async (from: number): Promise<void> => {
    const members = order.slice(from, from + ENCODED);
    const { data, dimensions: d } = await pool.run<Embedding>('embed', { folder, sentences: members.map((i) => sentences[i]!) }, { first: true });
    if (all.dimensions === 0) all = { data: new Float32Array(sentences.length * d), dimensions: d };
    members.forEach((i, row) => all.data.set(data.subarray(row * d, (row + 1) * d), i * d));
    advance?.(members.length);
  };
  await Promise.all(Array.from({ length: Math.ceil(order.length / ENCODED) }, (_, i) => encode(i * ENCODED)));
  return all;
}

/** What `scoreSentences` is to be given, with worker threads behind it. */
export interface Scoring {
  options: Pick<ScoreOptions, 'embedder' | 'parse' | 'fitCentres'>;
  /** the provider that stands in for one that is absent */
  notice?: Issue;
  close(): Promise<void>;
}

/**
 * The embedder of the configuration and the threads (`hardware.cpu_threads`, else as many as there are processors) that parse, embed and fit. Aborting rejects
 * what waits. Throws ConfigError S2 for an embedding model that was set and is not there.
 */
export async function openScoring(config: ProjectConfig, signal?: AbortSignal): Promise<Scoring> {
  const size = config.hardware.cpu_threads > 0 ? config.hardware.cpu_threads : availableParallelism();
  const pool = openPool(new URL(import.meta.url.endsWith('.ts') ? './scorer.ts' : './scorer.js', import.meta.url), size);
  const stop = (): void =>
    void pool.close(new MdiffError('MDIFF_INTERRUPTED', 'scoring: expected to score every sentence, got an interruption; nothing was trained yet: run the same command again', 130));
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
        parse: (sentences, advance) => (sentences.length <= FEW ? parseFeatures(sentences) : parseIn(pool, sentences, advance)),
        fitCentres: (points, settings) => (points.data.length <= FEW * points.dimensions ? fitCentres(points, settings) : pool.run<Float64Array>('centres', { points, settings }, { first: true })),
      },
      ...(notice && { notice }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An encoder in a folder is opened in every worker; other embedders do their work where they are. */
function inPool(embedder: Embedder & { folder?: string }, pool: Pool): Embedder {
  const { folder, name, version } = embedder;
  return folder === undefined ? embedder : { name, version, embed: (sentences, advance) => encodeIn(pool, folder, sentences, advance) };
}

/** Scores the training text (docs/configuration-specification.md, section 4.5). Aborting rejects with MDIFF_INTERRUPTED; throws as `openScoring` does. */
export async function scoreText(config: ProjectConfig, sections: readonly Section[], tokenizer: Tokenizer, progress: Progress = () => undefined, signal?: AbortSignal): Promise<UnitScores> {
  const { curriculum, data, seed } = config;
  const scoring = await openScoring(config, signal);
  const notices = scoring.notice && curriculum.centrality_weight > 0 ? [scoring.notice] : [];
  const sentences = listSentences(sections);
  const memo = fileMemo(join(config.cache_dir, 'scores'), hashSentences(sentences));
  const { complexity, report } = await scoreSentences(sentences, { curriculum, data, seed, ...scoring.options, memo, progress }).finally(() => scoring.close());
  if (report.embedder && scoring.notice) report.embedder.instead_of = curriculum.embedding_model;
  if (report.clusters !== undefined && report.clusters < curriculum.n_clusters) notices.push(startup.clustersClamped(config, report.clusters));
  const lengths = new Map<number, number>();
  const tokens = (sentence: number): number => {
    const known = lengths.get(sentence) ?? tokenizer.encode(sentences[sentence]!).length;
    lengths.set(sentence, known);
    return known;
  };
  return { of: (units) => unitComplexity(units, complexity, tokens), report, notices };
}
