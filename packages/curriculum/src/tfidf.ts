import { stream } from '@mdiff/diffusion';

import type { Embedder, Embedding } from './embed.js';
import { sample } from './sample.js';
import { wordsOf } from './sentence.js';
import { rightSingularVectors, type Sparse } from './svd.js';

const DIMENSIONS = 64;
const FITTED = 20_000;
const VOCABULARY = 20_000;

/**
 * Latent semantic analysis (Deerwester et al. 1990): sentences as tf-idf vectors of their words, projected on the 64 leading singular directions of a
 * seeded sample of 20,000, of unit length. Words that occur in one sentence only are left out. Needs no files.
 */
export function tfidfSvd({ seed }: { seed: number }): Embedder {
  return {
    name: 'tfidf-svd',
    version: `1, ${DIMENSIONS} of ${VOCABULARY} words, ${FITTED} fitted, seed ${seed}`,
    embed: (sentences) => Promise.resolve(embed(sentences, seed)),
  };
}

function embed(sentences: readonly string[], seed: number): Embedding {
  const fitted = sample(sentences.length, FITTED, stream(seed, 'tfidf'));
  const df = new Map<string, number>();
  for (const i of fitted) for (const word of new Set(wordsOf(sentences[i]!))) df.set(word, (df.get(word) ?? 0) + 1);
  const kept = [...df].filter(([, count]) => count > 1).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, VOCABULARY);
  const column = new Map(kept.map(([word], i) => [word, i]));
  const idf = Float64Array.from(kept, ([, count]) => Math.log((1 + fitted.length) / (1 + count)) + 1);

  const rowOf = (sentence: string): [column: number, value: number][] => {
    const values = new Map<number, number>();
    for (const word of wordsOf(sentence)) {
      const at = column.get(word);
      if (at !== undefined) values.set(at, (values.get(at) ?? 0) + idf[at]!);
    }
    const norm = Math.sqrt([...values.values()].reduce((sum, value) => sum + value * value, 0));
    return [...values].map(([at, value]) => [at, value / norm]);
  };

  const d = Math.min(DIMENSIONS, kept.length);
  const data = new Float32Array(sentences.length * d);
  if (d === 0) return { data, dimensions: d };
  const vectors = rightSingularVectors(sparse(Array.from(fitted, (i) => rowOf(sentences[i]!)), kept.length), d, stream(seed, 'svd'));
  const out = new Float64Array(d);
  sentences.forEach((sentence, i) => {
    out.fill(0);
    for (const [at, value] of rowOf(sentence)) for (let k = 0; k < d; k++) out[k]! += value * vectors[at * d + k]!;
    const norm = Math.sqrt(out.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0) for (let k = 0; k < d; k++) data[i * d + k] = out[k]! / norm;
  });
  return { data, dimensions: d };
}

function sparse(rows: readonly (readonly [column: number, value: number][])[], columns: number): Sparse {
  const start = new Int32Array(rows.length + 1);
  rows.forEach((row, r) => (start[r + 1] = start[r]! + row.length));
  const entries = rows.flat();
  return { columns, start, column: Int32Array.from(entries, ([at]) => at), value: Float32Array.from(entries, ([, value]) => value) };
}
