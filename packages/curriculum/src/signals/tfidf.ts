import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';

import { wordsOf } from '../sentence.js';
import type { Embed, Embedder, Embedding } from './embed.js';
import { sample } from './sample.js';
import { rightSingularVectors, type Sparse } from './svd.js';

const DIMENSIONS = 64;
const FITTED = 20_000;
const VOCABULARY = 20_000;

/** The directions learnt from a text. Plain data, so that a worker can learn them. */
export interface LatentSpace {
  words: string[];
  /** inverse document frequency of each word */
  idf: Float64Array;
  /** [words × dimensions] row-major */
  vectors: Float64Array;
  dimensions: number;
}

/**
 * Latent semantic analysis (Deerwester et al. 1990): tf-idf vectors of sentences, projected on the 64 leading singular directions of a seeded sample of
 * 20,000 sentences, of unit length. Words that occur in only one sentence are left out. Needs no files.
 *
 * @param learn `learnLatent`, in this thread (the default) or in a worker
 */
export function tfidfSvd(options: {
  seed: number;
  learn?: (sentences: readonly string[], seed: number) => LatentSpace | Promise<LatentSpace>;
}): Embedder {
  mustBe('tfidfSvd', 'options', options, 'object');
  const { seed, learn = learnLatent } = options;
  const fit = async (sentences: readonly string[]): Promise<Embed> => {
    const fitted = sample(sentences.length, FITTED, stream(seed, 'tfidf'));
    const space = await learn(
      Array.from(fitted, (i) => sentences[i]!),
      seed,
    );
    const project = projection(space);
    return (part, advance) => {
      const embedding = project(part);
      advance?.(part.length);
      return Promise.resolve(embedding);
    };
  };
  return {
    name: 'tfidf-svd',
    version: `1, ${DIMENSIONS} of ${VOCABULARY} words, ${FITTED} fitted, seed ${seed}`,
    embed: async (sentences) => (await fit(sentences))(sentences),
    fit,
  };
}

/** Learns the leading directions of these sentences. */
export function learnLatent(sentences: readonly string[], seed: number): LatentSpace {
  mustBe('learnLatent', 'sentences', sentences, 'list');
  mustBe('learnLatent', 'seed', seed, 'number');
  const df = new Map<string, number>();
  for (const sentence of sentences) for (const word of new Set(wordsOf(sentence))) df.set(word, (df.get(word) ?? 0) + 1);
  const kept = [...df]
    .filter(([, count]) => count > 1)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, VOCABULARY);
  const words = kept.map(([word]) => word);
  const idf = Float64Array.from(kept, ([, count]) => Math.log((1 + sentences.length) / (1 + count)) + 1);
  const dimensions = Math.min(DIMENSIONS, kept.length);
  if (dimensions === 0) return { words, idf, vectors: new Float64Array(0), dimensions };
  const rowOf = weighing(words, idf);
  return {
    words,
    idf,
    vectors: rightSingularVectors(sparse(sentences.map(rowOf), words.length), dimensions, stream(seed, 'svd')),
    dimensions,
  };
}

type Row = [column: number, value: number][];

/** The tf-idf vector of a sentence, of unit length, without its zeros. */
function weighing(words: readonly string[], idf: Float64Array): (sentence: string) => Row {
  const column = new Map(words.map((word, i) => [word, i]));
  return (sentence) => {
    const values = new Map<number, number>();
    for (const word of wordsOf(sentence)) {
      const index = column.get(word);
      if (index !== undefined) values.set(index, (values.get(index) ?? 0) + idf[index]!);
    }
    let squares = 0;
    for (const value of values.values()) squares += value * value;
    const norm = Math.sqrt(squares);
    return Array.from(values, ([index, value]) => [index, value / norm]);
  };
}

function projection({ words, idf, vectors, dimensions: d }: LatentSpace): (sentences: readonly string[]) => Embedding {
  const rowOf = weighing(words, idf);
  const out = new Float64Array(d);
  return (sentences) => {
    const data = new Float32Array(sentences.length * d);
    sentences.forEach((sentence, i) => {
      out.fill(0);
      for (const [index, value] of rowOf(sentence)) for (let k = 0; k < d; k++) out[k]! += value * vectors[index * d + k]!;
      let squares = 0;
      for (let k = 0; k < d; k++) squares += out[k]! * out[k]!;
      const norm = Math.sqrt(squares);
      if (norm > 0) for (let k = 0; k < d; k++) data[i * d + k] = out[k]! / norm;
    });
    return { data, dimensions: d };
  };
}

function sparse(rows: readonly Row[], columns: number): Sparse {
  const start = new Int32Array(rows.length + 1);
  rows.forEach((row, r) => (start[r + 1] = start[r]! + row.length));
  const entries = rows.flat();
  return { columns, start, column: Int32Array.from(entries, ([index]) => index), value: Float32Array.from(entries, ([, value]) => value) };
}
