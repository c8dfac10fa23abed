// Random search with successive halving (Jamieson and Talwalkar, arXiv 1502.07943): all trials get few steps, and the better third of them more.
import { join } from 'node:path';
import { inputOf } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { MdiffError, places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import { drawTrial, parseSearch, type Search } from './search.js';
import type { Failed, Measured, StudyRun } from './measured.js';
import { identityOf, openRecord, recordPath, trainAll, type StudyOptions } from './study.js';

export interface TuneOptions extends StudyOptions {
  /** ranges, as `parseSearch` reads them */
  searches: readonly string[];
  trials: number;
  /** rounds; each gives the better third of the trials three times the steps */
  rounds: number;
  /** steps of the last round */
  steps: number;
  /** decides the draws */
  seed: number;
}

export interface Trial {
  trial: number;
  values: Record<string, unknown>;
  /** by round; those of rounds that it did not reach are missing */
  results: (Measured | Failed)[];
}

export interface TuneResult {
  finished: boolean;
  /** the best first: those of later rounds before those of earlier ones */
  trials: Trial[];
  best?: Trial & { file: string };
}

const KEPT = 3;

const name = (trial: number, steps: number): string => `trial-${String(trial).padStart(3, '0')}-steps-${steps}`;
const bits = (result: Measured | Failed | undefined): number => (result && 'bits_per_byte' in result ? result.bits_per_byte : Infinity);

/** Steps of each round, the last one first reached by the fewest trials. */
export const roundSteps = (steps: number, rounds: number): number[] =>
  Array.from({ length: rounds }, (_, i) => Math.max(1, Math.round(steps / KEPT ** (rounds - 1 - i))));

/** Searches. Interrupted, the same call goes on. @throws MdiffError for a range that the configuration does not take */
export async function tune(config: ProjectConfig, options: TuneOptions): Promise<TuneResult> {
  const { trials: count, rounds, steps, seed, folder } = options;
  if (options.searches.length === 0)
    throw new MdiffError(
      'MDIFF_SEARCH',
      'tune: nothing to search; give --search, for example --search training.learning_rate=log:1e-4..3e-3',
      2,
    );
  const searches = options.searches.map((text) => parseSearch(text, config));
  refuseTwice(searches);
  const budgets = roundSteps(steps, rounds);
  const stages = config.curriculum.stages.length;
  if (budgets[0]! < stages)
    throw new MdiffError(
      'MDIFF_SEARCH',
      `--steps ${steps}: the first of ${rounds} rounds would have ${budgets[0]} steps, and the curriculum has ${stages} stages; give more --steps or fewer --rounds`,
      2,
    );
  const path = recordPath(folder, 'tune');
  const record = await openRecord(path, { searches: options.searches, steps, rounds, seed, config: identityOf(config) });
  let going = Array.from({ length: count }, (_, i): Trial => ({ trial: i + 1, values: drawTrial(searches, seed, i + 1), results: [] }));
  const all = going;
  for (const budget of budgets) {
    const runs = going.map((trial) => runOf(trial, budget));
    const whole = await trainAll({ config, path, record }, runs, options);
    going.forEach(({ results }, i) => {
      const result = record.results[runs[i]!.name];
      if (result) results.push(result);
    });
    // Who goes on is known once all trials of a round are measured.
    if (!whole) return { finished: false, trials: ranked(all) };
    going = ranked(going).slice(0, Math.ceil(going.length / KEPT));
  }
  const trials = ranked(all);
  const best = trials[0]!;
  if (bits(best.results.at(-1)) === Infinity) return { finished: true, trials };
  const file = join(folder, 'best.yaml');
  await writeFileWhole(file, config.with(inputOf(best.values)).toYaml(), places.output);
  return { finished: true, trials, best: { ...best, file } };
}

function refuseTwice(searches: readonly Search[]): void {
  const twice = searches.find(({ key }, i) => searches.findIndex((other) => other.key === key) !== i);
  if (twice) throw new MdiffError('MDIFF_SEARCH', `--search ${twice.key}: two ranges for the same key; leave one out`, 2);
}

const runOf = ({ trial, values }: Trial, budget: number): StudyRun => ({
  name: name(trial, budget),
  changes: [inputOf(values), { training: { max_steps: budget, max_minutes: null, on_max_steps: 'scale' } }],
});

const ranked = (trials: readonly Trial[]): Trial[] =>
  [...trials].sort((a, b) => b.results.length - a.results.length || bits(a.results.at(-1)) - bits(b.results.at(-1)) || a.trial - b.trial);
