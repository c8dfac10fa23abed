import { describe, expect, it } from 'vitest';
import { oracleDenoiser } from './denoiser.js';
import { allSequences, conditionals, probability, sampleChain } from './markov.js';
import { expectClose } from './matchers.js';
import { chiSquareDeviate } from './statistics.js';

const chain = {
  initial: [0.5, 0.3, 0.2],
  transition: [
    [0.1, 0.6, 0.3],
    [0, 0.2, 0.8],
    [0.7, 0.2, 0.1],
  ],
};

describe('the Markov oracle', () => {
  const sequences = allSequences(3, 4);

  it('gives the conditionals that enumeration gives, for every mask pattern', () => {
    for (const truth of sequences) {
      if (probability(chain, truth) === 0) continue;
      for (let pattern = 1; pattern < 16; pattern++) {
        const states = truth.map((s, i) => ((pattern >> i) & 1 ? null : s));
        const agreeing = sequences.filter((x) => states.every((s, i) => s === null || s === x[i]));
        const total = agreeing.reduce((sum, x) => sum + probability(chain, x), 0);
        const expected = truth.flatMap((_, i) =>
          [0, 1, 2].map((s) => agreeing.filter((x) => x[i] === s).reduce((sum, x) => sum + probability(chain, x), 0) / total),
        );
        expectClose(conditionals(chain, states).flat(), expected, { tolerance: 1e-14, why: 'a dozen float64 roundings' });
      }
    }
  });

  it('refuses unmasked states that the chain cannot produce', () => {
    expect(() => conditionals(chain, [1, 0, null])).toThrow('probability 0');
  });

  it('samples from its own law', () => {
    let state = 1;
    // Park and Miller's minimal standard generator: this package knows no other
    const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const counts = new Float64Array(81);
    for (let i = 0; i < 20000; i++) counts[sampleChain(chain, 4, uniform).reduce((cell, s) => cell * 3 + s, 0)]!++;
    const law = sequences.map((x) => probability(chain, x));
    expect(chiSquareDeviate(counts, law)).toBeLessThan(4);
    expect(
      chiSquareDeviate(
        counts,
        conditionals(chain, [null, null, null, null]).reduce<number[]>(
          (joint, row) => (joint.length ? joint.flatMap((p) => row.map((q) => p * q)) : row),
          [],
        ),
      ),
    ).toBeGreaterThan(100);
  });

  it('turns into a denoiser whose softmax is the conditional', () => {
    const denoiser = oracleDenoiser(chain, { maskId: 0, firstId: 5, specialLogit: 7 });
    const logits = denoiser([{ canvas: Int32Array.of(2, 0, 6, 0), positions: Int32Array.of(1, 3) }]);
    const [first, , last] = conditionals(chain, [null, 1, null]);
    expect(Array.from(logits.subarray(0, 5))).toEqual([7, 7, 7, 7, 7]);
    expect(Array.from(logits.subarray(5, 8), Math.exp).concat(Array.from(logits.subarray(13), Math.exp))).toEqual(
      [...first!, ...last!].map((p) => Math.exp(Math.log(p))),
    );
    expect(denoiser.calls).toBe(1);
  });
});
