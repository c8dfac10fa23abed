import type { Rng } from '@mdiff/diffusion';

/** `most` of the indices 0…n−1 in rising order, each set equally likely (Knuth, TAOCP volume 2, section 3.4.2, algorithm S); all of them if n ≤ most. */
export function sample(n: number, most: number, rng: Rng): Int32Array {
  const count = Math.min(n, most);
  const picked = new Int32Array(count);
  for (let i = 0, size = 0; size < count; i++) if ((n - i) * rng.next() < count - size) picked[size++] = i;
  return picked;
}
