import type { Rng } from '@mdiff/diffusion';

/** `size` of the indices 0…n−1 in rising order, each set equally likely (Knuth's selection sampling, TAOCP 3.4.2 S); all of them where n ≤ size. */
export function sample(n: number, size: number, rng: Rng): Int32Array {
  const count = Math.min(n, size);
  const picked = new Int32Array(count);
  for (let i = 0, found = 0; found < count; i++) if ((n - i) * rng.next() < count - found) picked[found++] = i;
  return picked;
}
