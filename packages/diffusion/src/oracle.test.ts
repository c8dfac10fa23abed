import {
  allSequences,
  chiSquareDeviate,
  conditionals,
  oracleDenoiser,
  probability,
  totalVariation,
  totalVariationBound,
  sampledChain as chain,
} from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { denoiseBatch } from './denoise.js';
import type { SamplingOptions } from './options.js';
import type { SamplerName } from './sampler.js';
import { sampler } from './samplers.js';
import { type ScheduleName, shareLeft } from './schedule.js';

// The denoiser is exact (see arXiv 2602.19619), so every difference from the chain is an error of the sampler.
const S = 3;
const L = 4;
const MASK = 0;
const FIRST = 5;
const law = allSequences(S, L).map((x) => probability(chain, x));

/**
 * Canvases of the two tests of a whole law. Of 80 degrees of freedom, a deviate of 4 is passed with 95 % power where the cells are off by
 * √(5.65 · √160 / n) of their probability (root mean square): 5.3 % at 25,000; 2.7 % at the 100,000 of `.ci/run`, which sets the variable.
 */
const MANY = Number(process.env['MDIFF_SAMPLES'] ?? 25_000);

/** Frequencies of the 81 sequences among `samples` canvases. */
async function histogram(name: SamplerName, options: Partial<SamplingOptions>, samples = MANY): Promise<Float64Array> {
  const counts = new Float64Array(S ** L);
  const rows = 2000;
  // special ids have large logits: a sampler that committed one would leave the chain's cells
  const denoiser = oracleDenoiser(chain, { maskId: MASK, firstId: FIRST, specialLogit: 9 });
  for (let seed = 0; seed < samples; seed += rows) {
    const canvases = Array.from({ length: rows }, () => new Int32Array(L));
    for (const { canvas } of await denoiseBatch({
      canvases,
      seed,
      maskId: MASK,
      denoiser,
      sampler: sampler(name),
      options: { forbidden: [1, 2, 3, 4], ...options },
    })) {
      counts[canvas.reduce((cell, id) => cell * S + id - FIRST, 0)]!++;
    }
  }
  return counts;
}

/**
 * The exact law of ancestral sampling in n steps, by summing over all canvases: its steps reveal several tokens independently of
 * each other, which the chain does not, so it differs from the chain's law by O(1/n).
 */
function ancestralLaw(n: number, schedule: ScheduleName = 'linear'): Float64Array {
  const mask = S;
  const canvases = allSequences(S + 1, L);
  const index = (x: readonly number[]) => x.reduce((cell, s) => cell * (S + 1) + s, 0);
  const tables = canvases.map((x) =>
    conditionals(
      chain,
      x.map((s) => (s === mask ? null : s)),
    ),
  );
  let p = new Float64Array(canvases.length);
  p[index(new Array<number>(L).fill(mask))] = 1;
  for (let k = 1; k <= n; k++) {
    const [before, after] = [k - 1, k].map((step) => shareLeft(schedule, { step, of: n, total: L }));
    const reveal = 1 - after! / before!;
    const next = new Float64Array(canvases.length);
    canvases.forEach((x, from) => {
      if (p[from] === 0) return;
      let ways: { x: number[]; p: number }[] = [{ x: [], p: p[from]! }];
      x.forEach((s, i) => {
        ways = ways.flatMap((way) =>
          s !== mask
            ? [{ x: [...way.x, s], p: way.p }]
            : [
                { x: [...way.x, mask], p: way.p * (1 - reveal) },
                ...tables[from]![i]!.map((q, t) => ({ x: [...way.x, t], p: way.p * reveal * q })),
              ],
        );
      });
      for (const way of ways) if (way.p > 0) next[index(way.x)]! += way.p;
    });
    p = next;
  }
  return Float64Array.from(allSequences(S, L), (x) => p[index(x)]!);
}

const frequencies = (counts: Float64Array, samples = MANY) => counts.map((n) => n / samples);
// sampling noise alone exceeds it with a chance of 10⁻⁶
const noise = (samples = MANY) => totalVariationBound(S ** L, samples, 1e-6);

describe('on an exact Markov chain', () => {
  it('first_hitting draws from the chain', async () => {
    const counts = await histogram('first_hitting', {});
    expect(chiSquareDeviate(counts, law)).toBeLessThan(4); // once in 30,000 tries
    expect(totalVariation(frequencies(counts), law)).toBeLessThan(noise());
  });

  it('ancestral draws from the law of its steps, which is the chain up to 1/n', async () => {
    const counts = await histogram('ancestral', { numSteps: 32 });
    const exact = ancestralLaw(32);
    expect(chiSquareDeviate(counts, exact)).toBeLessThan(4); // once in 30,000 tries
    expect(totalVariation(exact, law)).toBeLessThan(0.02);
    expect(totalVariation(frequencies(counts), law)).toBeLessThan(0.02 + noise());
  });

  it('ancestral in two steps is far from the chain, and exactly where theory puts it', async () => {
    const counts = await histogram('ancestral', { numSteps: 2 }, 20_000);
    expect(chiSquareDeviate(counts, ancestralLaw(2))).toBeLessThan(4);
    expect(chiSquareDeviate(counts, law)).toBeGreaterThan(50);
  });

  it.each(['linear', 'cosine', 'constant'] as const)('the law of ancestral sampling approaches the chain as 1/n: %s', (schedule) => {
    const [coarse, fine] = [8, 64].map((n) => totalVariation(ancestralLaw(n, schedule), law));
    expect(coarse! / fine!).toBeGreaterThan(7); // 8 in the limit
    expect(coarse! / fine!).toBeLessThan(9);
  });

  it('ancestral with remasking keeps to the chain too', async () => {
    const counts = await histogram('ancestral', { numSteps: 32, remasking: 0.05 }, 20_000);
    // Revealing and masking again in one step adds its own O(1/n); bound as without remasking
    expect(totalVariation(frequencies(counts, 20_000), law)).toBeLessThan(0.02 + noise(20_000));
  });

  it('ancestral draws from the law of a constant schedule', async () => {
    expect(
      chiSquareDeviate(await histogram('ancestral', { numSteps: 4, schedule: 'constant' }, 10_000), ancestralLaw(4, 'constant')),
    ).toBeLessThan(4);
  });

  // One token a step: the position depends on the canvas alone and its token is drawn from the conditional, which is the chain rule.
  it.each([
    ['margin', {}],
    ['entropy', { gamma: 0 }],
    ['first_hitting', { blockLength: 2 }],
    ['causal', {}],
  ] as const)('%s draws from the chain at one token a step', async (name, options) => {
    const counts = await histogram(name, { numSteps: L, ...options }, 10_000);
    expect(chiSquareDeviate(counts, law)).toBeLessThan(4); // once in 30,000 tries
    expect(totalVariation(frequencies(counts, 10_000), law)).toBeLessThan(noise(10_000));
  });

  it.each([
    ['margin', {}],
    ['entropy', { gamma: 1 }],
  ] as const)('%s does not at two tokens a step', async (name, options) => {
    expect(chiSquareDeviate(await histogram(name, { numSteps: L / 2, ...options }, 10_000), law)).toBeGreaterThan(20);
  });

  it('confidence seeks modes: it is sharper than the chain', async () => {
    const counts = frequencies(await histogram('confidence', { numSteps: L }, 20_000), 20_000);
    const sum = (p: ArrayLike<number>) => Array.from(p).reduce((total, q) => total + q * q, 0);
    expect(sum(counts)).toBeGreaterThan(sum(law) * 1.05);
  });
});
