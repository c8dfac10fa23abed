import { mustBe } from '@mdiff/arguments';
import { sha256 } from '@noble/hashes/sha2';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { check } from './error.js';

/** A source of random numbers; every method advances it. */
export interface Rng {
  /** uniform in [0, 1) with 53 random bits */
  next(): number;
  /** uniform in {0, …, n − 1}, for an integer 1 ≤ n ≤ 2^53 */
  int(n: number): number;
  /** standard normal */
  normal(): number;
}

/**
 * An independent generator for (seed, keys): xoroshiro128+ (Blackman and Vigna, arXiv 1805.01407) whose 128-bit state is the head of
 * SHA-256 over the keys. Equal keys give equal draws, and unequal keys unrelated ones, so nothing has to be saved to resume and the
 * order in which streams are opened never matters. `1` and `'1'` are different keys, and so are `('ab')` and `('a', 'b')`.
 */
export function stream(seed: number, ...keys: (string | number)[]): Rng {
  mustBe('stream', 'seed', seed, 'number');
  check(
    [seed, ...keys].every((key) => typeof key === 'string' || Number.isFinite(key)),
    () => `stream: expected a seed and keys that are strings or finite numbers, got ${[seed, ...keys].join(', ')}`,
  );
  const bytes = sha256(JSON.stringify([seed, ...keys]));
  const digest = new DataView(bytes.buffer, bytes.byteOffset);
  const generator = xoroshiro128plusFromState([digest.getInt32(0), digest.getInt32(4), digest.getInt32(8), digest.getInt32(12)]);
  // The lowest bits of xoroshiro128+ are its weakest; both halves drop theirs.
  const next = (): number => ((generator.next() >>> 5) * 0x4000000 + (generator.next() >>> 6)) / 0x20000000000000;
  let spare: number | null = null;
  return {
    next,
    int: (n) => Math.floor(next() * n),
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      // Box and Muller (1958); 1 − next() is in (0, 1], so the logarithm is finite
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/** A shuffled copy (Fisher and Yates). */
export const shuffle = <T>(rng: Rng, items: readonly T[]): T[] => {
  mustBe('shuffle', 'rng', rng, 'object');
  mustBe('shuffle', 'items', items, 'list');
  return shuffleInPlace(rng, [...items]);
};

/** Shuffles an array, or a part of a typed one, where it stands; the draws are those of `shuffle`. */
export function shuffleInPlace<A extends unknown[] | Int32Array>(rng: Rng, items: A): A {
  mustBe('shuffleInPlace', 'rng', rng, 'object');
  for (let i = items.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
