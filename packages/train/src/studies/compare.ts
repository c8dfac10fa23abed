// A controlled comparison of training recipes: the same text, steps and held-out units, several seeds for each arm. Some arms have a network of their own.
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { armGroups, arms, armsNamed, starts, type Start } from './arms.js';
import { meanSd, pairedBootstrap, type Difference } from './bootstrap.js';
import type { Failed, Measured, StudyRun } from './measured.js';
import { identityOf, openRecord, recordPath, trainAll, type StudyOptions } from './study.js';

export interface CompareOptions extends StudyOptions {
  /** names of `arms` and of groups of them; the others are compared with the first */
  arms: readonly string[];
  starts: readonly Start[];
  seeds: readonly number[];
  steps: number;
}

export interface ArmResult {
  arm: string;
  start: Start;
  about: string;
  by: Measured['by'];
  /** bits per byte of each seed */
  seeds: number[];
  mean: number;
  sd: number;
  steps: number;
  /** mean over the seeds */
  tokens: number;
  /** from the first arm, over the held-out units; missing for the first, and where the units are not the same */
  difference?: Difference;
}

export interface CompareResult {
  finished: boolean;
  rows: ArmResult[];
  failed: Failed[];
  units: number;
  bytes: number;
}

/** The arms that are meant, if all of them can be trained. @throws MdiffError MDIFF_STUDY */
function checkedArms(config: ProjectConfig, { arms: asked, starts: from, steps }: CompareOptions): string[] {
  const refuse = (text: string): MdiffError => new MdiffError('MDIFF_STUDY', text, 2);
  const names = armsNamed(asked);
  const unknown = names.find((arm) => !Object.hasOwn(arms, arm));
  if (unknown !== undefined)
    throw refuse(`--arms: expected some of ${[...Object.keys(arms), ...Object.keys(armGroups)].join(', ')}, got "${unknown}"`);
  const other = names.find((arm) => arms[arm]!.network);
  if (other !== undefined && from.includes('base'))
    throw refuse(`--arms: "${other}" has another network than base-en, so it cannot start from its weights; leave it out, or --from`);
  const most = Math.max(...names.map((arm) => arms[arm]!.changes(config).curriculum!.stages!.length));
  if (steps < most) throw refuse(`--steps: expected an integer >= ${most} (one step for each stage), got ${steps}`);
  return names;
}

/** Trains what is missing, and compares. Interrupted, the same call goes on. @throws MdiffError for an unknown arm */
export async function compareArms(config: ProjectConfig, options: CompareOptions): Promise<CompareResult> {
  const { seeds, steps, folder } = options;
  const names = checkedArms(config, options);
  const path = recordPath(folder, 'compare');
  // More arms and more seeds add to a comparison; another budget or configuration is another one.
  const record = await openRecord(path, { steps, config: identityOf(config) });
  const pairs = options.starts.flatMap((start) => names.map((arm) => ({ arm, start })));
  // Seed by seed, so that an interrupt leaves arms with the same seeds.
  const runs = seeds.flatMap((seed) => pairs.map((pair) => runOf(config, pair, { seed, steps })));
  const finished = await trainAll({ config, path, record }, runs, options);
  return summary(record.results, pairs, options, finished);
}

type Pair = Pick<ArmResult, 'arm' | 'start'>;
const name = ({ arm, start }: Pair, seed: number): string => `${arm}-${start}-seed-${seed}`;

function runOf(config: ProjectConfig, pair: Pair, { seed, steps }: { seed: number; steps: number }): StudyRun {
  const common: ProjectInput = {
    seed,
    model: { init_from: starts[pair.start] },
    training: { max_steps: steps, max_minutes: null, on_max_steps: 'scale', patience: 0 },
  };
  return { name: name(pair, seed), changes: [arms[pair.arm]!.changes(config), common] };
}

function summary(
  results: Readonly<Record<string, Measured | Failed>>,
  pairs: readonly Pair[],
  { seeds }: CompareOptions,
  finished: boolean,
): CompareResult {
  const measured = (pair: Pair): Measured[] =>
    seeds.flatMap((seed) => {
      const result = results[name(pair, seed)];
      return result && 'per_unit' in result ? [result] : [];
    });
  const first = measured(pairs[0]!);
  const rows = pairs.flatMap((pair, i): ArmResult[] => {
    const runs = measured(pair);
    if (runs.length === 0) return [];
    const bits = runs.map(({ bits_per_byte }) => bits_per_byte);
    const alike = first.length > 0 && [...first, ...runs].every(({ per_unit }) => per_unit.length === first[0]!.per_unit.length);
    return [
      {
        ...pair,
        about: arms[pair.arm]!.about,
        by: runs[0]!.by,
        seeds: bits,
        ...meanSd(bits),
        steps: runs[0]!.steps,
        tokens: meanSd(runs.map(({ tokens }) => tokens)).mean,
        ...(i > 0 && alike && { difference: pairedBootstrap(meanUnits(runs), meanUnits(first), { bytes: first[0]!.bytes, seed: 1 }) }),
      },
    ];
  });
  const failed = Object.values(results).filter((result): result is Failed => 'failed' in result);
  return { finished, rows, failed, units: first[0]?.per_unit.length ?? 0, bytes: first[0]?.bytes ?? 0 };
}

/** Nats of each unit, the mean over the seeds. */
const meanUnits = (runs: readonly Measured[]): number[] =>
  runs[0]!.per_unit.map((_, unit) => meanSd(runs.map(({ per_unit }) => per_unit[unit]!)).mean);
