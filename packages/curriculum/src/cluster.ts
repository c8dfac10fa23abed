import { stream } from '@mdiff/diffusion';
import { kmeans } from 'ml-kmeans';

import type { Embedding } from './embed.js';
import { sample } from './sample.js';

/** Raise when the same vectors give other distances. */
export const CLUSTER_VERSION = 'ml-kmeans 7.0.1, 1';

const FITTED = 20_000;

/**
 * Euclidean distance of each vector from the nearest of `k` centres, which k-means++ and Lloyd's iterations find on a seeded sample of 20,000; the others
 * are only assigned. With fewer than `k` different vectors there are as many centres.
 */
export function centreDistances({ data, dimensions: d }: Embedding, n: number, { k, seed }: { k: number; seed: number }): Float32Array {
  const rng = stream(seed, 'k-means');
  const points = Array.from(sample(n, FITTED, rng), (i) => Array.from(data.subarray(i * d, (i + 1) * d)));
  if (d === 0 || points.length === 0) return new Float32Array(n);
  const different = countDifferent(points, k);
  const { centroids } = kmeans(points, different, { seed: rng.int(2 ** 31) });
  return Float32Array.from({ length: n }, (_, i) => {
    let nearest = Infinity;
    for (const centre of centroids) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += (data[i * d + j]! - centre[j]!) ** 2;
      nearest = Math.min(nearest, sum);
    }
    return Math.sqrt(nearest);
  });
}

/** Different points, counted up to `most`. */
function countDifferent(points: readonly (readonly number[])[], most: number): number {
  const seen = new Set<string>();
  for (const point of points) {
    seen.add(point.join());
    if (seen.size === most) break;
  }
  return seen.size;
}
