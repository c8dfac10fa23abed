import { stream } from '@mdiff/diffusion';
import { localRanks } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { chunkFor, compress, fromBfloat16, ownerOf, share, summation, toBfloat16 } from './exchange.js';

const CHUNK = 1000;
const LENGTH = 2 * CHUNK + 500; // the last chunk is not whole
const gradientOf = (pass: number, length = LENGTH): Float32Array => {
  const rng = stream(3, 'gradient', pass);
  return Float32Array.from({ length }, () => (rng.next() - 0.5) * 2 ** rng.int(20));
};
/** What one machine gets that accumulates the passes. */
function accumulated(passes: number, length = LENGTH): Float32Array {
  const sum = gradientOf(0, length);
  for (let pass = 1; pass < passes; pass++) gradientOf(pass, length).forEach((value, i) => void (sum[i]! += value));
  return sum;
}
const sameBits = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

/** Each rank's sum of the gradients of the passes, in rounds, and the bytes that it sent. */
function sums(size: number, passes: number, { half = false, length = LENGTH, chunk = CHUNK } = {}) {
  return Promise.all(
    localRanks(size).map(async (comm) => {
      const sum = summation(comm, { length, half, chunk });
      let result: Float32Array = new Float32Array(length);
      const rounds = Math.ceil(passes / size);
      for (let round = 0; round < rounds; round++) {
        const pass = round * size + comm.rank;
        const gradient = pass < passes ? gradientOf(pass, length) : undefined;
        const last = round + 1 === rounds;
        if (last && gradient) result = gradient; // as the engine does, in place
        await sum({ count: Math.min(size, passes - round * size), gradient, first: round === 0, ...(last && { result }) });
      }
      return { result, sent: comm.sent };
    }),
  );
}

describe('a sum over ranks', () => {
  it.each([
    [2, 2],
    [3, 3],
    [4, 4],
    [2, 5],
    [4, 3],
    [3, 1],
    [5, 12],
  ])('%i ranks, %i passes: the bits of one machine that accumulates', async (size, passes) => {
    expect(ownerOf(passes - 1, size)).toBe((passes - 1) % size);
    const expected = accumulated(passes);
    for (const { result } of await sums(size, passes)) expect(sameBits(result, expected)).toBe(true);
  });

  it('a gradient with fewer numbers than ranks, or of many chunks', async () => {
    for (const length of [1, 3, 40])
      for (const { result } of await sums(4, 4, { length, chunk: 7 })) expect(sameBits(result, accumulated(4, length))).toBe(true);
  });

  it('sends each number to one rank and its sum to all', async () => {
    // 2 P (N - 1) / N numbers of four bytes, and one for each cut.
    for (const { sent } of await sums(4, 4)) expect(Math.abs(sent - 4 * 2 * LENGTH * (3 / 4))).toBeLessThanOrEqual(4 * 8 * 3);
  });

  it('adds in steps without a trace of the step before', async () => {
    const size = 2;
    const results = await Promise.all(
      localRanks(size).map(async (comm) => {
        const sum = summation(comm, { length: LENGTH, chunk: CHUNK });
        for (const step of [7, 0]) {
          const gradient = gradientOf(step + comm.rank);
          await sum({ count: size, gradient, first: true, result: gradient });
          if (step === 0) return gradient;
        }
        throw new Error('two steps');
      }),
    );
    for (const result of results) expect(sameBits(result, accumulated(size))).toBe(true);
  });

  it('in chunks that grow with the ranks, so that no part is tiny', () => {
    expect(chunkFor(2)).toBe(chunkFor(64));
    expect(chunkFor(1024) / 1024).toBe(chunkFor(64) / 64);
  });
});

it('copies what rank 1 has to all', async () => {
  const copies = await Promise.all(
    localRanks(3).map(async (comm) => {
      const data = gradientOf(comm.rank);
      await share(comm, data, 1, CHUNK);
      return data;
    }),
  );
  for (const copy of copies) expect(sameBits(copy, gradientOf(1))).toBe(true);
});

describe('a sum in bfloat16', () => {
  const size = 3;

  it('has the same bits on every rank, at half the bytes', async () => {
    const all = await sums(size, size, { half: true });
    for (const { result } of all) expect(sameBits(result, all[0]!.result)).toBe(true);
    // Each rank sends two of three parts twice, in two bytes a number.
    for (const { sent } of all) expect(sent).toBeLessThan(2 * 2 * ((2 / 3) * LENGTH + 8));
  });

  it('gives back later what the rounding loses', async () => {
    const [length, steps] = [50, 400];
    const comms = localRanks(size);
    const exchanges = comms.map((comm) => summation(comm, { length, half: true }));
    const total = new Float64Array(length);
    const expected = new Float64Array(length);
    for (let step = 0; step < steps; step++) {
      const parts = comms.map((comm) => gradientOf(step * size + comm.rank, length).map((value) => 1 + value / 2 ** 19));
      parts.forEach((part) => part.forEach((value, i) => void (expected[i]! += value)));
      await Promise.all(
        comms.map(({ rank }) => exchanges[rank]!({ count: size, gradient: parts[rank], first: true, result: parts[rank]! })),
      );
      parts[0]!.forEach((value, i) => void (total[i]! += value));
    }
    // The sums of a step are near 3, so a rounding loses up to 2^-7 and a step of four roundings 2^-5: without feedback 400 steps lose far more.
    for (let i = 0; i < length; i++) expect(Math.abs(total[i]! - expected[i]!)).toBeLessThan(2 ** -4);
  });

  it('rounds blocks of numbers as it rounds one', () => {
    const rng = stream(5, 'compress');
    const length = 5000; // more than a block
    const data = Float32Array.from({ length }, () => (rng.next() - 0.5) * 2 ** (rng.int(250) - 125));
    const rest = Float32Array.from({ length }, (_, i) => data[i]! * (rng.next() - 0.5) * 2 ** -8);
    const wanted = data.map((value, i) => value + rest[i]!);
    const halves = new Uint16Array(length);
    compress(data, rest, halves);
    expect([...halves]).toEqual([...wanted].map(toBfloat16));
    expect([...rest]).toEqual([...wanted].map((value) => value - fromBfloat16(toBfloat16(value))));
  });

  it('keeps no rest of a gradient that is not finite', () => {
    const rest = Float32Array.of(0.25, 0.25, 0.25);
    const halves = new Uint16Array(3);
    compress(Float32Array.of(NaN, Infinity, 1), rest, halves);
    expect([...halves].map(fromBfloat16)).toEqual([NaN, Infinity, 1.25]);
    expect([...rest]).toEqual([0, 0, 0]);
  });
});

it('rounds to bfloat16 as IEEE 754 does: to the nearest, to even in the middle', () => {
  const cases = [
    [1, 1],
    [1 + 2 ** -9, 1],
    [1 + 2 ** -8, 1],
    [1 + 3 * 2 ** -8, 1 + 2 ** -6],
    [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7],
    [-3.4e38, -Infinity],
    [-0, -0],
    [1e-40, fromBfloat16(1)],
  ] as const;
  for (const [value, rounded] of cases) expect(fromBfloat16(toBfloat16(value))).toBe(rounded);
  // A NaN whose upper half alone would be an infinity.
  const word = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  expect(fromBfloat16(toBfloat16(word[0]!))).toBeNaN();
});
