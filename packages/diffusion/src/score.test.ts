import { chiSquareDeviate, plainScorer } from '@mdiff/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SamplingOptions, samplingOptions } from './options.js';
import { stream } from './random.js';
import { scorer } from './score.js';

const load = (logits: readonly number[], options: Partial<SamplingOptions> = {}, canvas: readonly number[] = [0]) => {
  const score = scorer(
    { canvas: Int32Array.from(canvas), maskId: 0, positions: Int32Array.of(canvas.indexOf(0)), logits: () => logits },
    samplingOptions(options),
  );
  score.load(0);
  return score;
};

/** how often each token is drawn */
const histogram = (
  logits: readonly number[],
  options: Partial<SamplingOptions>,
  draws: number,
  canvas?: readonly number[],
): Float64Array => {
  const score = load(logits, options, canvas);
  const rng = stream(1, 'draws');
  const counts = new Float64Array(logits.length);
  for (let i = 0; i < draws; i++) counts[score.draw(rng)]!++;
  return counts;
};

const normalised = (weights: readonly number[]) => weights.map((w) => w / weights.reduce((a, b) => a + b, 0));
const logits = [9, 0, -1, 1.5, 0.5, -3];
const weights = [0, ...logits.slice(1).map(Math.exp)];

describe('scorer', () => {
  it('draws from the softmax without the mask', () => {
    expect(chiSquareDeviate(histogram(logits, {}, 50_000), normalised(weights))).toBeLessThan(4);
  });

  it('divides by the temperature, and takes the first maximum at 0', () => {
    expect(chiSquareDeviate(histogram(logits, { temperature: 2 }, 50_000), normalised(weights.map(Math.sqrt)))).toBeLessThan(4);
    expect(load([5, 1, 3, 3], { temperature: 0 }).draw(stream(0))).toBe(2);
  });

  it('keeps topK, then topP of what is left', () => {
    const topK = [0, weights[1]!, 0, weights[3]!, weights[4]!, 0];
    expect(chiSquareDeviate(histogram(logits, { topK: 3 }, 50_000), normalised(topK))).toBeLessThan(4);
    // of all tokens 3 has a share of .594, of the best three .629: with topP 0.61 it is alone only after topK
    expect(histogram(logits, { topP: 0.61 }, 1000).filter((n) => n > 0).length).toBe(2);
    expect(histogram(logits, { topK: 3, topP: 0.61 }, 1000).filter((n) => n > 0).length).toBe(1);
  });

  it('keeps exactly what sorting keeps, for any logits, k and p', () => {
    const arbitrary = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 40 });
    fc.assert(
      fc.property(arbitrary, fc.integer({ min: 1, max: 45 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (values, topK, topP) => {
        const order = values
          .map((_, id) => id)
          .slice(1)
          .sort((a, b) => values[b]! - values[a]! || a - b)
          .slice(0, topK);
        const mass = order.map((id) => Math.exp(values[id]!));
        const total = mass.reduce((a, b) => a + b, 0);
        let sum = 0;
        const kept = order.filter((_, i) => {
          const needed = sum < topP * total * (1 + 1e-12); // 1e-12: order of summation at the border
          sum += mass[i]!;
          return needed;
        });
        const counts = histogram(values, { topK, topP }, 60);
        counts.forEach((n, id) => expect(n === 0 || kept.includes(id)).toBe(true));
        expect(counts[order[0]!]! > 0 || kept.length > 1).toBe(true);
      }),
    );
  });

  it('gives what plain scoring gives, token by token', () => {
    const rng = stream(3, 'rows');
    for (const size of [2, 300, 4000]) {
      for (const spread of [0, 0.01, 2.5, 30]) {
        for (const options of [
          { temperature: 1, topK: null, topP: null },
          { temperature: 0, topK: null, topP: null },
          { temperature: 0.8, topK: null, topP: 0.95 },
          { temperature: 10, topK: 50, topP: null },
          { temperature: 0.3, topK: 7, topP: 0.5 },
          { temperature: 2, topK: null, topP: 1 - 2 ** -53 },
        ]) {
          const x = Float64Array.from({ length: size }, (_, id) => (id === 0 ? -Infinity : Math.fround(spread * rng.normal())));
          const plain = plainScorer(x, options);
          const score = load(Array.from(x), options);
          const draws = Array.from({ length: 20 }, () => rng.next());
          const tokens = draws.map((uniform) => score.draw({ next: () => uniform, int: () => 0, normal: () => 0 }));
          expect(tokens, `${size} tokens of spread ${spread}, ${JSON.stringify(options)}`).toEqual(
            draws.map((uniform) => plain.draw(uniform)),
          );
          for (const token of tokens) expect(score.probability(token) / plain.probability(token)).toBeCloseTo(1, 12);
          expect(score.entropy()).toBeCloseTo(plain.entropy(), 11);
          score
            .topTwo()
            .forEach((value, i) =>
              value === -Infinity ? expect(plain.topTwo()[i]).toBe(value) : expect(value).toBeCloseTo(plain.topTwo()[i]!, 11),
            );
        }
      }
    }
  });

  it('ranks at temperature 1, before topK and topP', () => {
    const score = load(logits, { temperature: 0.1, topK: 1, topP: 0.1 });
    const p = normalised(weights);
    expect(score.probability(1)).toBeCloseTo(p[1]!, 14); // float64 rounding
    expect(score.entropy()).toBeCloseTo(-p.slice(1).reduce((h, q) => h + q * Math.log(q), 0), 13);
    expect(score.topTwo().map(Math.exp)).toEqual([expect.closeTo(p[3]!, 14), expect.closeTo(p[4]!, 14)]);
  });

  it('lists the likeliest tokens that are allowed, with their probabilities', () => {
    const p = normalised(weights);
    const score = load(logits, { temperature: 0.1, topK: 1, forbidden: [4] });
    const rest = 1 - p[4]!;
    expect(score.likeliest(2)).toEqual([
      { token: 3, probability: expect.closeTo(p[3]! / rest, 14) as number },
      { token: 1, probability: expect.closeTo(p[1]! / rest, 14) as number },
    ]);
    expect(score.likeliest(9).map(({ token }) => token)).toEqual([3, 1, 2, 5]);
  });

  it('adds the bias and subtracts ln(penalty) once for each token of the window', () => {
    const logitBias = Float64Array.of(0, 0, 2, 0, 0, 0);
    const canvas = [3, 3, 5, 0];
    const expected = weights.map((w, id) => w * (id === 2 ? Math.exp(2) : 1) * (id === 3 || id === 5 ? 1 / 4 : 1));
    expect(chiSquareDeviate(histogram(logits, { logitBias, repetitionPenalty: 4 }, 50_000, canvas), normalised(expected))).toBeLessThan(4);
  });

  it('never draws a forbidden id, nor the end of text too early', () => {
    const tempting = [50, 40, 30, 0, 0, 0];
    const counts = (canvas: number[]) => histogram(tempting, { forbidden: [1], eosId: 2, minLength: 2, textStart: 1 }, 200, canvas);
    expect(Array.from(counts([5, 4, 0]).subarray(0, 3))).toEqual([0, 0, 0]);
    expect(counts([5, 4, 3, 0])[2]).toBe(200);
  });

  it('keeps the tail that float32 noise would lose', () => {
    // 10⁻⁹ of the mass, over a million tokens of 10⁻¹⁵: invisible to a draw from 24 random bits
    const tail = Float64Array.from({ length: 1_000_001 }, (_, id) => (id === 1 ? 0 : Math.log(1e-9)));
    const score = scorer({ canvas: Int32Array.of(0), maskId: 0, positions: Int32Array.of(0), logits: () => tail }, samplingOptions());
    score.load(0);
    const token = score.draw({ next: () => 1 - 2 ** -53, int: () => 0, normal: () => 0 });
    expect(token).toBe(1_000_000);
    expect(score.draw({ next: () => 0.9990009, int: () => 0, normal: () => 0 })).toBeLessThan(1000);
  });

  it.each([
    ['NaN', [0, NaN, 1], {}],
    ['NaN or infinity', [0, Infinity, 1], {}],
    ['none that is allowed', [0, 1, 2], { forbidden: [1, 2] }],
  ])('refuses %s', (found, values, options) => {
    expect(() => load(values, options)).toThrow(expect.objectContaining({ code: 'MDIFF_LOGITS', message: expect.stringContaining(found) }));
  });

  it('refuses a bias of another vocabulary', () => {
    expect(() => load(logits, { logitBias: new Float64Array(5) })).toThrow('expected 6 numbers, one per token, got 5');
  });
});

describe('samplingOptions', () => {
  it('fills in defaults', () => expect(samplingOptions({ topK: 3, topP: undefined })).toMatchObject({ topK: 3, topP: null, numSteps: 50 }));

  it.each([
    ['temperature', -1],
    ['temperature', NaN],
    ['temperature', Infinity],
    ['topK', 0],
    ['topP', 0],
    ['numSteps', 1.5],
    ['repetitionPenalty', 0.5],
    ['threshold', 0],
    ['remasking', 2],
  ])('refuses %s %s', (key, value) => {
    expect(() => samplingOptions({ [key]: value })).toThrow(
      expect.objectContaining({ code: 'MDIFF_SAMPLING', message: expect.stringContaining(key) }),
    );
  });
});
