/** How far the texts of each sampler are from the model's own distribution, on a Markov chain whose conditionals are exact. */
import { denoiseBatch, sampler, type SamplerName, type SamplingOptions } from '@mdiff/diffusion';
import { allSequences, chiSquareDeviate, oracleDenoiser, probability, sampledChain as chain, totalVariation } from '@mdiff/testing';

const S = chain.initial.length;
const L = 4;
const law = allSequences(S, L).map((x) => probability(chain, x));

interface Strategy {
  name: string;
  sampler: SamplerName;
  options: Partial<SamplingOptions>;
}

export const strategies: readonly Strategy[] = [
  { name: 'first_hitting', sampler: 'first_hitting', options: {} },
  { name: 'first_hitting in blocks of 2', sampler: 'first_hitting', options: { blockLength: 2 } },
  { name: 'causal', sampler: 'causal', options: {} },
  { name: 'margin, one token a step', sampler: 'margin', options: { numSteps: L } },
  { name: 'entropy, one token a step, gamma 0', sampler: 'entropy', options: { numSteps: L, gamma: 0 } },
  { name: 'ancestral, 128 steps', sampler: 'ancestral', options: { numSteps: 128 } },
  { name: 'ancestral, 8 steps', sampler: 'ancestral', options: { numSteps: 8 } },
  { name: 'ancestral, 128 steps, remasking 0.02 (ReMDM)', sampler: 'ancestral', options: { numSteps: 128, remasking: 0.02 } },
  { name: 'margin, two tokens a step', sampler: 'margin', options: { numSteps: L / 2 } },
  { name: 'entropy, gamma 1', sampler: 'entropy', options: { numSteps: L, gamma: 1 } },
  { name: 'confidence, one token a step', sampler: 'confidence', options: { numSteps: L } },
  { name: 'confidence in blocks of 2', sampler: 'confidence', options: { numSteps: L, blockLength: 2 } },
  { name: 'threshold 0.7', sampler: 'threshold', options: { numSteps: L, threshold: 0.7 } },
];

export interface Exactness {
  name: string;
  /** total variation between the frequencies of the 81 sequences and their probabilities */
  distance: number;
  /** chi-square as a standard normal deviate; above 4 once in 30,000 tries for an exact sampler */
  deviate: number;
  /** forward passes a text */
  nfe: number;
}

export async function exactness({ sampler: name, options, ...rest }: Strategy, draws: number): Promise<Exactness> {
  const counts = new Float64Array(S ** L);
  const denoiser = oracleDenoiser(chain, { maskId: 0, firstId: 1 });
  let nfe = 0;
  for (let seed = 0; seed < draws; seed += 1000) {
    const canvases = Array.from({ length: Math.min(1000, draws - seed) }, () => new Int32Array(L));
    const results = await denoiseBatch({ canvases, seed, maskId: 0, denoiser, sampler: sampler(name), options });
    for (const result of results) {
      counts[result.canvas.reduce((cell, id) => cell * S + id - 1, 0)]!++;
      nfe += result.nfe;
    }
  }
  const frequencies = counts.map((n) => n / draws);
  return { name: rest.name, distance: totalVariation(frequencies, law), deviate: chiSquareDeviate(counts, law), nfe: nfe / draws };
}

/**
 * Mean and standard deviation of that distance for an exact sampler, to first order in the normal approximation: a frequency deviates by
 * √(2p(1 − p)/(πn)) in the mean; the deviations are taken as independent.
 */
export function noise(draws: number): { mean: number; deviation: number } {
  const variances = law.map((p) => (p * (1 - p)) / draws);
  return {
    mean: variances.reduce((sum, v) => sum + Math.sqrt((2 * v) / Math.PI), 0) / 2,
    deviation: Math.sqrt(variances.reduce((sum, v) => sum + v * (1 - 2 / Math.PI), 0)) / 2,
  };
}

/** The table of packages/diffusion/README.md. */
export function tableOf(rows: readonly Exactness[], draws: number): string {
  const { mean, deviation } = noise(draws);
  return [
    '| sampler | total variation | deviate of χ² | NFE | differs from exact |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ name, distance, deviate, nfe }) =>
        `| ${name} | ${distance.toFixed(4)} ± ${deviation.toFixed(4)} | ${deviate.toFixed(1)} | ${nfe.toFixed(2)} | ${deviate < 4 && distance < mean + 4 * deviation ? 'no' : 'yes'} |`,
    ),
  ].join('\n');
}
