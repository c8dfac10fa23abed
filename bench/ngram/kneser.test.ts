import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { discountsOf, logProbabilities, probability, trainNgram } from './kneser.js';

const bos = 0;
const [a, b, c, end] = [1, 2, 3, 4];

/** The definition, term by term: every count is recomputed by scanning the corpus. */
function reference(units: number[][], order: number, outcomes: number, history: number[], token: number): number {
  const padded = units.map((unit) => [bos, ...unit]);
  const grams = (n: number): string[] =>
    padded.flatMap((unit) => unit.slice(n - 1).map((_, i) => unit.slice(i, i + n).join(' '))).filter((gram) => gram !== String(bos));
  const count = (gram: number[]): number => {
    const key = gram.join(' ');
    if (gram.length === order || gram[0] === bos) return grams(gram.length).filter((other) => other === key).length;
    return new Set(grams(gram.length + 1).filter((other) => other.slice(other.indexOf(' ') + 1) === key)).size;
  };
  const all = (n: number): { gram: number[]; count: number }[] =>
    [...new Set(grams(n))].map((key) => key.split(' ').map(Number)).map((gram) => ({ gram, count: count(gram) }));
  const p = (context: number[], length: number): number => {
    if (length < 0) return 1 / outcomes;
    const recent = context.slice(context.length - length);
    const rows = all(length + 1);
    const following = rows.filter(({ gram }) => gram.slice(0, -1).join(' ') === recent.join(' '));
    if (following.length === 0) return p(context, length - 1);
    const discounts = discountsOf(rows.map((row) => row.count));
    const discount = (n: number): number => discounts[Math.min(n, 3)]!;
    const total = following.reduce((sum, row) => sum + row.count, 0);
    const freed = following.reduce((sum, row) => sum + discount(row.count), 0);
    const own = following.find(({ gram }) => gram.at(-1) === token)?.count ?? 0;
    return (own - discount(own) + freed * p(context, length - 1)) / total;
  };
  return p(history, Math.min(order - 1, history.length));
}

const corpus = fc.array(
  fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 6 }).map((unit) => [...unit, end]),
  { minLength: 1, maxLength: 8 },
);

describe('discounts', () => {
  test('follow equation 26 of Chen and Goodman', () => {
    // n1 = 4, n2 = 2, n3 = 1, n4 = 1, so Y = 4 / (4 + 2·2) = ½.
    expect(discountsOf([1, 1, 1, 1, 2, 2, 3, 4, 9])).toEqual([0, 0.5, 1.25, 1]);
  });

  test('fall back to ½, 1, 1½ where a corpus is too small to estimate them', () => {
    expect(discountsOf([1, 1, 2])).toEqual([0, 0.5, 1, 1.5]);
  });
});

describe('probability', () => {
  const model = trainNgram(
    [
      [a, b, end],
      [a, c, end],
    ],
    { order: 2, bos, vocabSize: 5, outcomes: 4 },
  );

  test.each([
    // Continuation counts a 1, b 1, c 1, end 2; freed mass 3·½ + 1 = 2.5 over 4 outcomes.
    ['unigram, seen after one token', [], a, (1 - 0.5 + 2.5 / 4) / 5],
    ['unigram, seen after two tokens', [], end, (2 - 1 + 2.5 / 4) / 5],
    ['bigram seen once of two', [a], b, (1 - 0.5 + 1 * 0.225) / 2],
    ['first token of a unit', [bos], a, (2 - 1 + 1 * 0.225) / 2],
    ['bigram never seen', [bos], b, (1 * 0.225) / 2],
    ['context never seen', [end], a, 0.225],
  ])('equals the value worked out by hand: %s', (_, context, token, expected) => {
    // Double rounding over three operations.
    expect(probability(model, context, token)).toBeCloseTo(expected, 14);
  });

  test('equals the definition, and sums to one, on random corpora and contexts', () => {
    fc.assert(
      fc.property(
        corpus,
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 1, max: end }), { maxLength: 5 }),
        fc.boolean(),
        (units, order, tokens, first) => {
          const history = first ? [bos, ...tokens] : tokens;
          const trained = trainNgram(units, { order, bos, vocabSize: 5, outcomes: 4 });
          const all = [a, b, c, end].map((token) => probability(trained, history, token));
          // Double rounding over at most five orders.
          expect(all.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
          for (const [index, p] of all.entries()) expect(p).toBeCloseTo(reference(units, order, 4, history, index + 1), 12);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });
});

test('the log probabilities are those of every token, the end token included, inside each unit', () => {
  const model = trainNgram(
    [
      [a, b, end],
      [a, c, end],
    ],
    { order: 2, bos, vocabSize: 5, outcomes: 4 },
  );
  const wanted = [probability(model, [bos], a), probability(model, [a], end), probability(model, [bos], end)];
  expect(logProbabilities(model, [[a, end], [end]], bos)).toEqual(wanted.map(Math.log));
});
