import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { shuffle, stream } from './random.js';

/** xoroshiro128+ 1.0 as published (Blackman and Vigna, https://prng.di.unimi.it), in 64-bit arithmetic; the low 32 bits of each output. */
function* reference(key: string): Generator<number> {
  const digest = createHash('sha256').update(key).digest();
  let [s0, s1] = [digest.readBigUInt64BE(0), digest.readBigUInt64BE(8)];
  const mod = (x: bigint) => BigInt.asUintN(64, x);
  const rotl = (x: bigint, k: bigint) => mod(x << k) | (x >> (64n - k));
  for (;;) {
    yield Number(mod(s0 + s1) & 0xffffffffn);
    s1 ^= s0;
    s0 = rotl(s0, 24n) ^ s1 ^ mod(s1 << 16n);
    s1 = rotl(s1, 37n);
  }
}

it('is xoroshiro128+ on the SHA-256 of its keys, 53 bits a draw', () => {
  const rng = stream(7, 'masks', 12);
  const words = reference('[7,"masks",12]');
  const word = () => BigInt(words.next().value as number);
  for (let i = 0; i < 1000; i++) {
    const bits = ((word() >> 5n) << 26n) + (word() >> 6n);
    expect(rng.next()).toBe(Number(bits) / 2 ** 53);
  }
});

it('depends on every key, its type and its borders', () => {
  const keys = [[], ['a'], ['b'], ['ab'], ['a', 'b'], [1], ['1'], [1, 1]];
  const first = keys.map((k) => stream(0, ...k).next());
  expect(new Set([...first, stream(1).next(), stream(2 ** 32).next()]).size).toBe(keys.length + 2);
  expect(first).toEqual(keys.map((k) => stream(0, ...k).next()));
});

it('refuses a seed that is no number', () => {
  expect(() => stream(NaN, 'a')).toThrow(expect.objectContaining({ code: 'MDIFF_DIFFUSION' }));
});

it('draws uniform and normal numbers', () => {
  const rng = stream(3, 'moments');
  const n = 200_000;
  const counts = new Float64Array(10);
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    counts[rng.int(10)]!++;
    const z = rng.normal();
    for (let k = 0; k < 4; k++) moments[k]! += z ** (k + 1) / n;
  }
  // 5 standard errors: of a count √(n·0.1·0.9), of the k-th moment √(Var zᵏ / n) with Var = 1, 2, 15, 96
  for (const count of counts) expect(Math.abs(count - n / 10)).toBeLessThan(5 * Math.sqrt(n * 0.09));
  [0, 1, 0, 3].forEach((expected, k) => expect(Math.abs(moments[k]! - expected)).toBeLessThan(5 * Math.sqrt([1, 2, 15, 96][k]! / n)));
});

it('shuffles uniformly and leaves the input alone', () => {
  const rng = stream(4, 'shuffle');
  const items = ['a', 'b', 'c'];
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = shuffle(rng, items).join('');
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  expect(items).toEqual(['a', 'b', 'c']);
  expect(seen.size).toBe(6);
  for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt((6000 * 5) / 36)); // 5 standard errors
});
