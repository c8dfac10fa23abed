import { mustBe } from '@mdiff/arguments';
import { stream } from '@mdiff/diffusion';
import { kmeans } from 'ml-kmeans';

import type { Embedding } from './embed.js';
import { sample } from './sample.js';

/** Raise it when the same vectors give other distances. */
export const CLUSTER_VERSION = 'ml-kmeans 7.0.1, 1';

const FITTED = 20_000;

/** The input of k-means: `sentences`, a seeded sample of 20,000 of n, and the seed for `fitCentres`. */
export function clusterSample(n: number, seed: number): { sentences: Int32Array; seed: number } {
  const rng = stream(seed, 'k-means');
  return { sentences: sample(n, FITTED, rng), seed: rng.int(2 ** 31) };
}

/** Rows of an embedding. */
export function rowsOf({ data, dimensions: d }: Embedding, rows: ArrayLike<number>): Embedding {
  const picked = new Float32Array(rows.length * d);
  for (let r = 0; r < rows.length; r++) picked.set(data.subarray(rows[r]! * d, (rows[r]! + 1) * d), r * d);
  return { data: picked, dimensions: d };
}

/**
 * `k` centres, [k × d] row-major, by k-means++ and Lloyd's iterations. With fewer than `k` different vectors there are as many centres.
 *
 * @param embedding of the sentences that `clusterSample` picked; they are held as plain arrays
 */
export function fitCentres(options: Embedding, input: { k: number; seed: number }): Float64Array {
  mustBe('fitCentres', 'options', options, 'object');
  mustBe('fitCentres', 'input', input, 'object');
  const { data, dimensions: d } = options;
  const { k, seed } = input;
  if (data.length === 0) return new Float64Array(0);
  const points = Array.from({ length: data.length / d }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d)));
  return Float64Array.from(kmeans(points, countDifferent(points, k), { seed }).centroids.flat());
}

/** For each of n vectors the nearest centre of [k × d] and its Euclidean distance; 0 and 0 if there are no centres. */
export function nearestCentres(
  { data, dimensions: d }: Embedding,
  n: number,
  centres: Float64Array,
): { nearest: Int32Array; distance: Float32Array } {
  const nearest = new Int32Array(n);
  const distance = new Float32Array(n);
  if (centres.length === 0) return { nearest, distance };
  for (let i = 0; i < n; i++) {
    let least = Infinity;
    for (let c = 0; c < centres.length; c += d) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += (data[i * d + j]! - centres[c + j]!) ** 2;
      if (sum >= least) continue;
      least = sum;
      nearest[i] = c / d;
    }
    distance[i] = Math.sqrt(least);
  }
  return { nearest, distance };
}

/** Euclidean distance of each vector from the nearest centre; 0 if there are no centres. */
export const distances = (embedding: Embedding, n: number, centres: Float64Array): Float32Array =>
  nearestCentres(embedding, n, centres).distance;

/** The distances of n vectors from centres that are fitted on a sample of them. */
export function centreDistances(embedding: Embedding, n: number, { k, seed }: { k: number; seed: number }): Float32Array {
  const picked = clusterSample(n, seed);
  return distances(embedding, n, fitCentres(rowsOf(embedding, picked.sentences), { k, seed: picked.seed }));
}

/** Counts different points, up to `most`. */
function countDifferent(points: readonly (readonly number[])[], most: number): number {
  const seen = new Set<string>();
  for (const point of points) {
    seen.add(point.join());
    if (seen.size === most) break;
  }
  return seen.size;
}
