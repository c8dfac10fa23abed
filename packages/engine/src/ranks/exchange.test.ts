import { stream } from '@mdiff/diffusion';
import { localRanks } from '@mdiff/testing';
import type { LocalRank } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { compress, compressedSum, fromBfloat16, ownerOf, relay, share, sumAll, toBfloat16 } from './exchange.js';

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

describe('the exchange in the order of the passes', () => {
  it.each([
    [2, 2],
    [3, 3],
    [4, 4],
    [2, 5],
    [4, 3],
    [3, 1],
  ])('%i ranks, %i passes: the bits of one machine that accumulates', async (size, passes) => {
    const expected = accumulated(passes);
    const rank = async (comm: LocalRank): Promise<Float32Array> => {
      let data: Float32Array = new Float32Array(LENGTH);
      for (let pass = 0; pass < passes; pass++) {
        if (ownerOf(pass, size) !== comm.rank) continue;
        data = gradientOf(pass);
        await relay(comm, data, { pass, passes, chunk: CHUNK });
      }
      const last = ownerOf(passes - 1, size);
      if (comm.rank !== last) await share(comm, data, last, CHUNK);
      return data;
    };
    for (const sum of await Promise.all(localRanks(size).map(rank))) expect(sameBits(sum, expected)).toBe(true);
  });
});

describe('the faster exchanges', () => {
  const size = 3;
  const all = (exchange: (comm: LocalRank, data: Float32Array) => Promise<void>, length = LENGTH) => {
    const comms = localRanks(size);
    return Promise.all(
      comms.map(async (comm) => {
        const data = gradientOf(comm.rank, length);
        await exchange(comm, data);
        return { data, sent: comm.sent };
      }),
    );
  };

  it('add in float32 whatever the order', async () => {
    const expected = accumulated(size);
    for (const { data } of await all((comm, data) => sumAll(comm, data, CHUNK))) {
      // The numbers are below 2^19, and three of them have two roundings.
      data.forEach((value, i) => Math.abs(value - expected[i]!) > 0.1 && expect(value).toBe(expected[i]));
    }
  });

  it('add in bfloat16: the same bits on every rank, at half the bytes', async () => {
    const sums = await all((comm, data) => compressedSum(comm, LENGTH, CHUNK)(data));
    for (const { data } of sums) expect(sameBits(data, sums[0]!.data)).toBe(true);
    // Each rank sends two of three parts twice, in two bytes a number.
    for (const { sent } of sums) expect(sent).toBeLessThan(2 * 2 * ((2 / 3) * LENGTH + 8));
  });

  it('give back later what bfloat16 rounds away', async () => {
    const [length, steps] = [50, 400];
    const exchanges = new Map<number, (data: Float32Array) => Promise<void>>();
    const comms = localRanks(size);
    const total = new Float64Array(length);
    const expected = new Float64Array(length);
    for (let step = 0; step < steps; step++) {
      const parts = comms.map((comm) => gradientOf(step * size + comm.rank, length).map((value) => 1 + value / 2 ** 19));
      parts.forEach((part) => part.forEach((value, i) => void (expected[i]! += value)));
      await Promise.all(
        comms.map((comm) => {
          const exchange = exchanges.get(comm.rank) ?? compressedSum(comm, length);
          exchanges.set(comm.rank, exchange);
          return exchange(parts[comm.rank]!);
        }),
      );
      parts[0]!.forEach((value, i) => void (total[i]! += value));
    }
    // The sums of a step are near 3, so a rounding loses up to 2^-7 and a step of four roundings 2^-5: without feedback 400 steps lose far more.
    for (let i = 0; i < length; i++) expect(Math.abs(total[i]! - expected[i]!)).toBeLessThan(2 ** -4);
  });

  it('keep no rest of a gradient that is not finite', () => {
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
