import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Tokenizer } from '../tokens/tokenizer.js';
import { cutWords, groupSentences, partition } from './pieces.js';

// Bytes for tokens: lengths are lengths in characters.
const bytes = Tokenizer.fromMerges([]);

const toPiece = (text: string) => ({ text, tokens: bytes.encode(text) });
const lengths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 10 });

/** Least cost by trying every way to cut. */
function brute(items: readonly number[], most: number, count: number, cost: (sum: number) => number): number {
  if (items.length === 0) return 0;
  let best = Infinity;
  for (let n = 1, sum = 0; n <= Math.min(count, items.length); n++) {
    sum += items[n - 1]!;
    if (sum > most && n > 1) break;
    best = Math.min(best, cost(sum) + brute(items.slice(n), most, count, cost));
  }
  return best;
}

describe('partition', () => {
  it('finds the least cost, in groups that follow one another and keep the limits', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 4, max: 30 }), fc.integer({ min: 1, max: 5 }), (items, most, count) => {
        const cost = (sum: number) => 3 + (sum > most / 2 ? most - sum : 0);
        const groups = partition(items, most, count, cost);
        expect(groups.map(([from]) => from)).toEqual([0, ...groups.slice(0, -1).map(([, to]) => to)]);
        expect(groups.at(-1)![1]).toBe(items.length);
        const sums = groups.map(([from, to]) => items.slice(from, to).reduce((a, b) => a + b, 0));
        groups.forEach(([from, to], i) => {
          expect(to - from).toBeLessThanOrEqual(count);
          if (to - from > 1) expect(sums[i]).toBeLessThanOrEqual(most);
        });
        // Sums of halves and small integers: exact.
        expect(sums.reduce((total, sum) => total + cost(sum), 0)).toBe(brute(items, most, count, cost));
      }),
      { numRuns: 200 },
    );
  });
});

describe('cutWords', () => {
  it('cuts at blanks into pieces of similar length', () => {
    const pieces = cutWords('one two three four five six seven eight', 21, toPiece).map(({ text }) => text);
    expect(pieces).toEqual(['one two three four', 'five six seven eight']);
  });

  it('cuts a word without blanks between characters', () => {
    expect(
      cutWords('漢字漢字漢字', 6, toPiece)
        .map(({ text }) => text)
        .join(''),
    ).toBe('漢字漢字漢字');
    expect(cutWords('漢字漢字漢字', 6, toPiece).every(({ tokens }) => tokens.length <= 6)).toBe(true);
  });
});

it('takes a long run without blanks in about linear time', () => {
  const before = process.cpuUsage();
  const pieces = cutWords('abcdefghij'.repeat(20_000), 100, toPiece);
  expect(pieces.map(({ text }) => text).join('')).toBe('abcdefghij'.repeat(20_000));
  // 0.1 s when each piece is cut once or twice; halving would take twenty passes, a quadratic cut minutes.
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(10);
});

describe('groupSentences', () => {
  it('prefers pieces that fill a slot or leave room for another', () => {
    // Six sentences of 30 tokens and a slot of 100: two full pieces of 92 (three sentences and two blanks).
    const sentences = Array.from({ length: 6 }, () => toPiece('x'.repeat(30)));
    expect(groupSentences(sentences, 100, 10, toPiece).map(({ tokens }) => tokens.length)).toEqual([92, 92]);
  });

  it('counts the blanks between sentences', () => {
    const sentences = Array.from({ length: 3 }, () => toPiece('x'.repeat(10)));
    for (const { tokens } of groupSentences(sentences, 30, 10, toPiece)) expect(tokens.length).toBeLessThanOrEqual(30);
  });
});
