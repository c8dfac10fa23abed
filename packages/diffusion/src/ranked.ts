import type { Commit, Sampler, SamplerName, StepArgs } from './sampler.js';
import { strictSchedule } from './schedule.js';
import { type Scorer, scorer } from './score.js';

interface Ranking {
  name: SamplerName;
  /** true: a token is drawn for every mask and scored; false: tokens are drawn only where they are committed */
  drawn: boolean;
  /** score of the position loaded last: the larger, the earlier it is committed */
  score(scorer: Scorer, token: number): number;
  /** number of positions to commit, given their scores in falling order; at least `count` are committed anyway */
  take?(scores: readonly number[], args: StepArgs): number;
}

/** Samplers that evaluate every mask and commit the best ones. They seek modes; equal scores go left to right. */
function ranked({ name, drawn, score, take }: Ranking): Sampler {
  return {
    name,
    paced: true,
    schedule: strictSchedule,
    choose: ({ masked }) => ({ evaluate: masked, remask: new Int32Array(0) }),
    step(args) {
      const { positions, options, rng, count } = args;
      const read = scorer(args, options);
      const scored = Array.from(positions, (_, i) => {
        read.load(i);
        const token = drawn ? read.draw(rng) : -1;
        return { i, token, score: score(read, token) };
      });
      scored.sort((a, b) => b.score - a.score || a.i - b.i);
      const number =
        take === undefined
          ? count
          : Math.max(
              count,
              take(
                scored.map((s) => s.score),
                args,
              ),
            );
      const committed = new Set<number>();
      return scored.slice(0, number).map((candidate): Commit => {
        const { i } = candidate;
        let { token, score: probability } = candidate;
        if (!drawn || read.spoils(i, token) || (committed.has(token) && rejected(args))) {
          read.load(i);
          token = read.draw(rng);
          probability = read.probability(token);
        }
        committed.add(token);
        read.see(i, token);
        return { position: positions[i]!, token, probability };
      });
    },
  };
}

/**
 * Decides by chance to redraw a token that another position has committed earlier in the same step. The penalty multiplies its weight by
 * penalty^(−1/T): keeping it with that chance, and drawing anew otherwise, gives the penalised distribution (exactly, without topK, topP).
 */
function rejected({ options: { repetitionPenalty, temperature }, rng }: StepArgs): boolean {
  if (repetitionPenalty === 1) return false;
  return temperature === 0 || rng.next() >= repetitionPenalty ** (-1 / temperature);
}

/** Highest probability of the drawn token first (low-confidence remasking, LLaDA, arXiv 2502.09992). */
export const confidence = ranked({ name: 'confidence', drawn: true, score: (s, token) => s.probability(token) });

/** Largest gap between the two highest probabilities first (arXiv 2502.06768). */
export const margin = ranked({
  name: 'margin',
  drawn: false,
  score: (s) => {
    const [first, second] = s.topTwo();
    return Math.exp(first) - Math.exp(second);
  },
});

/** Every drawn token of at least `threshold` (Fast-dLLM, arXiv 2505.22618), and no fewer than the schedule asks for. */
export const threshold = ranked({
  name: 'threshold',
  drawn: true,
  score: (s, token) => s.probability(token),
  take: (scores, { options }) => scores.filter((p) => p >= options.threshold).length,
});

/** By rising entropy, the longest prefix with Σh − max h ≤ γ (EB-Sampler, arXiv 2505.24857), and no fewer than the schedule asks for. */
export const entropy = ranked({
  name: 'entropy',
  drawn: false,
  score: (s) => -s.entropy(),
  take(scores, { options }) {
    // entropies rise, so the largest of a prefix is its last and Σh − max h is the sum of those before
    let sum = 0;
    let n = 0;
    while (n < scores.length && sum <= options.gamma) sum -= scores[n++]!;
    return n;
  },
});
