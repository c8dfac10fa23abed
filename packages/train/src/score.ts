import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Unit } from '@mdiff/curriculum';
import { PARSE_FEATURES, listSentences, parseFeatures, scoreSentences, tfidfSvd, unitComplexity } from '@mdiff/curriculum/scores';
import type { Memo, ScoreReport } from '@mdiff/curriculum/scores';
import type { Section, Tokenizer } from '@mdiff/text';
import { embedderOf } from './embed.js';
import { sha256, writeFileWhole } from './files.js';
import { startWorker } from './rpc.js';

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

const CHUNK = 128;
// Starting a thread and loading the tagger there costs as much as parsing this many sentences here.
export const FEW = 512;

/** `parseFeatures` in worker threads. Sentences are parsed alone and results lie where their sentence lies: the number of workers changes nothing. */
export async function parseInWorkers(sentences: readonly string[], workers: number, progress: Progress = () => undefined): Promise<Float32Array> {
  const features = new Float32Array(sentences.length * PARSE_FEATURES.length);
  const entry = new URL(import.meta.url.endsWith('.ts') ? './scorer.ts' : './scorer.js', import.meta.url);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const remote = startWorker(entry);
    try {
      while (next < sentences.length) {
        const from = next;
        next += CHUNK;
        const chunk = sentences.slice(from, from + CHUNK);
        features.set(await remote.call<Float32Array>('parse', chunk), from * PARSE_FEATURES.length);
        done += chunk.length;
        progress(done, sentences.length);
      }
    } finally {
      await remote.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(sentences.length / CHUNK)) }, work));
  return features;
}

/** Scores the training text (configuration specification 4.5). Throws ConfigError S2 for an embedding model that was set and is not there. */
export async function scoreText(config: ProjectConfig, sections: readonly Section[], tokenizer: Tokenizer, progress: Progress = () => undefined): Promise<UnitScores> {
  const { curriculum, data, seed, hardware } = config;
  const notices: Issue[] = [];
  const provider = await embedderOf(config, tfidfSvd);
  if (provider.notice && curriculum.centrality_weight > 0) notices.push(provider.notice);
  const sentences = listSentences(sections);
  const workers = hardware.cpu_threads > 0 ? hardware.cpu_threads : availableParallelism();
  const { complexity, report } = await scoreSentences(sentences, {
    curriculum,
    data,
    seed,
    embedder: provider.embedder,
    parse: (texts) => (texts.length <= FEW ? parseFeatures(texts) : parseInWorkers(texts, workers, progress)),
    memo: fileMemo(join(config.cache_dir, 'scores'), sha256(JSON.stringify(sentences))),
  });
  if (report.clusters !== undefined && report.clusters < curriculum.n_clusters) notices.push(startup.clustersClamped(config, report.clusters));
  const lengths = new Map<number, number>();
  const tokens = (sentence: number): number => {
    const known = lengths.get(sentence) ?? tokenizer.encode(sentences[sentence]!).length;
    lengths.set(sentence, known);
    return known;
  };
  return { of: (units) => unitComplexity(units, complexity, tokens), report, notices };
}
