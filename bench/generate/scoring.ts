/** Processor time of one position: the plain scorer beside the one of @mdiff/diffusion, on the same logits with the same draws. */
import { sampler, samplingOptions, stream, type SamplingOptions } from '@mdiff/diffusion';
import { plainScorer } from '@mdiff/testing';

const V = 16384;
const POSITIONS = 126;

const settings: readonly { name: string; options: Partial<SamplingOptions> }[] = [
  { name: 'top_p 0.95, temperature 0.8', options: { topP: 0.95, temperature: 0.8 } },
  { name: 'top_k 50, temperature 0.8', options: { topK: 50, temperature: 0.8 } },
  { name: 'temperature 0.8', options: { temperature: 0.8 } },
  { name: 'temperature 1', options: { temperature: 1 } },
];

interface Scoring {
  name: string;
  /** milliseconds of processor time for a position, the best of the rounds */
  plain: number;
  ours: number;
  ratio: number;
}

const milliseconds = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / POSITIONS;
};

/** A step of sampler confidence that commits all of 126 positions. Throws if the two draw different tokens. */
export function scoring(rounds: number): Scoring[] {
  const rng = stream(1, 'logits');
  const logits = new Float32Array(V * POSITIONS).map(() => 2.5 * rng.normal());
  const rowOf = (i: number): Float32Array => logits.subarray(i * V, (i + 1) * V);
  const canvas = new Int32Array(POSITIONS);
  const positions = Int32Array.from(canvas.keys());
  return settings.map(({ name, options: given }) => {
    const options = samplingOptions(given);
    const times = { plain: Infinity, ours: Infinity };
    for (let round = 0; round < rounds; round++) {
      const drawn = new Int32Array(POSITIONS);
      const uniform = stream(round, 'draws');
      const plain = milliseconds(() => {
        for (const i of positions) {
          const x = Float64Array.from(rowOf(i));
          x[0] = -Infinity;
          const scorer = plainScorer(x, options);
          drawn[i] = scorer.draw(uniform.next());
          scorer.probability(drawn[i]!);
        }
      });
      const args = {
        step: 1,
        of: 1,
        total: POSITIONS,
        options,
        rng: stream(round, 'draws'),
        canvas,
        maskId: 0,
        positions,
        logits: rowOf,
        count: POSITIONS,
      };
      const ours = milliseconds(() => {
        for (const { position, token } of sampler('confidence').step(args)) {
          if (drawn[position] !== token) throw new Error(`position ${position}: the plain scorer drew ${drawn[position]}, ours ${token}`);
        }
      });
      times.plain = Math.min(times.plain, plain);
      times.ours = Math.min(times.ours, ours);
    }
    return { name, ...times, ratio: times.plain / times.ours };
  });
}
