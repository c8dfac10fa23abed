import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectConfig, valuesByKey } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { localRanks } from '@mdiff/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compareArms } from './compare.js';
import { gatherCrew } from './crew.js';
import { joinCrew } from './member.js';
import type { measuredRun } from './measured.js';
import type { StudyOptions } from './study.js';
import { tune } from './tune.js';

// Studies on several ranks in this process: the record, the orders and the comparison of the ranks are the real ones; MPI and the training are not.

/** A training that takes a moment, some longer than others, and has figures of its own; stopped in the middle, it goes on where it was. */
const training: typeof measuredRun = async (study, { name, changes }, { folder, signal }) => {
  const values = valuesByKey(changes.reduce((changed, one) => changed.with(one), study));
  const rng = stream(values['seed'] as number, name, String(values['training.learning_rate']));
  await mkdir(join(folder, name), { recursive: true });
  const half = join(folder, name, 'half');
  const length = 1 + rng.int(4);
  for (let step = await readFile(half, 'utf8').then(Number, () => 0); step < length; step++) {
    if (signal.aborted) return writeFile(half, String(step)).then(() => undefined);
    await sleep(2);
  }
  const steps = values['training.max_steps'] as number;
  return {
    run: name,
    steps,
    tokens: 7,
    by: 'nelbo',
    bits_per_byte: 1 + rng.next(),
    bytes: 90,
    per_unit: [rng.next(), rng.next(), rng.next()],
  };
};
vi.mock('./measured.js', () => ({ measuredRun: (...args: Parameters<typeof training>) => training(...args) }));

let root: string;
let config: ProjectConfig;
const folderNamed = (name: string): string => join(root, name);
const bookOf = async (name: string, text: string): Promise<ProjectConfig> => {
  await writeFile(folderNamed(name), text);
  return projectConfig({ data: { source: folderNamed(name) }, cache_dir: folderNamed('cache') });
};
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mdiff-crew-'));
  config = await bookOf('book.txt', 'A book.\n');
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Study<T> = (config: ProjectConfig, options: StudyOptions) => Promise<T>;

interface Ended<T> {
  result?: T;
  error?: Error;
  /** exit codes of the other ranks */
  codes: number[];
  notes: string[];
}

/** A study on ranks, each with a configuration and a folder of its own. */
async function onRanks<T>(
  places: readonly { config?: ProjectConfig; folder: string }[],
  study: Study<T>,
  { signal = new AbortController().signal, onNote }: { signal?: AbortSignal; onNote?(text: string): void } = {},
): Promise<Ended<T>> {
  const comms = localRanks(places.length);
  const warn = (text: string): never => {
    throw new Error(`nothing is lost here: ${text}`);
  };
  const [first, ...others] = places.map(({ config: own = config, folder }) => ({ config: own, folder }));
  const joined = others.map(({ config: own, folder }, i) => joinCrew(own, { comm: comms[i + 1]!, warn, folder }));
  const ended: Ended<T> = { codes: [], notes: [] };
  const note = (text: string): void => {
    ended.notes.push(text);
    onNote?.(text);
  };
  try {
    const crew = await gatherCrew(first!.config, { comm: comms[0]!, warn }).catch(async (error: unknown) => {
      await comms[0]!.close();
      throw error;
    });
    try {
      ended.result = await study(first!.config, { folder: first!.folder, signal, note, crew });
      await crew.end(0);
    } catch (error) {
      await crew.end(1);
      throw error;
    }
  } catch (error) {
    ended.error = error as Error;
  }
  ended.codes = await Promise.all(joined);
  return ended;
}

const alone = <T>(study: Study<T>, name: string): Promise<T> =>
  study(config, { signal: new AbortController().signal, note: () => undefined, folder: folderNamed(name) });

const armNames = ['uniform', 'single', 'no-masks'];
const comparison: Study<Awaited<ReturnType<typeof compareArms>>> = (own, options) =>
  compareArms(own, { arms: armNames, starts: ['scratch'], seeds: [1, 2], steps: 3, ...options });
const search: Study<Awaited<ReturnType<typeof tune>>> = (own, options) =>
  tune(own, { searches: ['training.learning_rate=log:1e-6..1e-1'], trials: 9, rounds: 3, steps: 27, seed: 1, ...options });

const recordIn = (name: string, kind: string): Promise<string> => readFile(join(folderNamed(name), `${kind}.json`), 'utf8');

describe('a study on ranks', () => {
  let compared: Awaited<ReturnType<typeof compareArms>>;
  let tuned: Awaited<ReturnType<typeof tune>>;
  beforeAll(async () => {
    [compared, tuned] = [await alone(comparison, 'alone'), await alone(search, 'alone')];
    expect(compared.finished && tuned.finished).toBe(true);
    expect(new Set(compared.rows.flatMap(({ seeds }) => seeds)).size).toBe(6);
  });

  it.each([2, 3, 20])('has the results and the record of one process, whoever trains a run: %i ranks', async (size) => {
    const name = `shared-${size}`;
    const places = Array.from({ length: size }, () => ({ folder: folderNamed(name) }));
    const { result, codes, notes } = await onRanks(places, comparison);
    expect(result).toEqual(compared);
    expect(codes).toEqual(Array.from({ length: size - 1 }, () => 0));
    expect(new Set(notes.flatMap((note) => /^training: .* on rank (\d)$/.exec(note)?.[1] ?? [])).size).toBe(Math.min(5, size - 1));
    const { best, ...rounds } = (await onRanks(places, search)).result!;
    expect(rounds.trials).toEqual(tuned.trials);
    expect(best).toEqual({ ...tuned.best, file: join(folderNamed(name), 'best.yaml') });
    for (const kind of ['compare', 'tune']) expect(await recordIn(name, kind)).toBe(await recordIn('alone', kind));
  });

  it('keeps each run on the machine that trained it, where machines share no folder, and the record on that of rank 0', async () => {
    const { result } = await onRanks([{ folder: folderNamed('a') }, { folder: folderNamed('b') }], comparison);
    expect(result!.finished).toBe(true);
    const [first, second] = await Promise.all(['a', 'b'].map((name) => readdir(folderNamed(name))));
    expect(first).toContain('compare.json');
    expect(second!.length).toBeGreaterThan(0);
    expect([...first!.filter((name) => name !== 'compare.json'), ...second!].sort()).toEqual(
      [1, 2].flatMap((seed) => armNames.map((arm) => `${arm}-scratch-seed-${seed}`)).sort(),
    );
  });

  it.each([
    ['compare', comparison],
    ['tune', search],
  ] as const)('%s stops and saves on all ranks, and goes on with another number of them', async (kind, study: Study<unknown>) => {
    const folder = folderNamed(`stopped-${kind}`);
    const controller = new AbortController();
    let begun = 0;
    const onNote = (text: string): void => {
      if (text.startsWith('training') && ++begun === 5) controller.abort();
    };
    const stopped = await onRanks([{ folder }, { folder }, { folder }], study, { signal: controller.signal, onNote });
    expect(stopped.result).toMatchObject({ finished: false });
    expect(stopped.codes).toEqual([0, 0]);
    const before = Object.keys((JSON.parse(await recordIn(`stopped-${kind}`, kind)) as { results: object }).results);
    const { result, notes } = await onRanks([{ folder }, { folder }], study);
    expect(result).toMatchObject({ finished: true });
    for (const name of before) expect(notes.join()).not.toContain(name);
    expect(await recordIn(`stopped-${kind}`, kind)).toBe(await recordIn('alone', kind));
  });

  it('a fault of one rank stops all, names it, and the same call goes on', async () => {
    const folder = folderNamed('faulty');
    await writeFile(folderNamed('a-file'), 'where a folder is needed');
    const { error, codes } = await onRanks([{ folder }, { folder: folderNamed('a-file') }], comparison);
    expect(error!.message).toMatch(/^rank 1 \(host .+, pid \d+\): .*a-file/);
    expect(codes).toEqual([1]);
    expect((await onRanks([{ folder }, { folder }], comparison)).result!.finished).toBe(true);
  });

  it('refuses ranks that read something else, and one that cannot read', async () => {
    const folder = folderNamed('refused');
    const other = await bookOf('other.txt', 'Another book.\n');
    const { error, codes } = await onRanks([{ folder }, { folder, config: other }], comparison);
    expect(error!.message).toMatch(
      /^rank 1 \(host .+, pid \d+\) has another text \(data\.source\) than rank 0: give every machine the same files$/,
    );
    expect(codes).toEqual([1]);
    const absent = config.with({ data: { source: folderNamed('none.txt') } });
    expect((await onRanks([{ folder }, { folder, config: absent }], comparison)).error!.message).toMatch(/^rank 1 \(.+\): .*none\.txt/);
    expect((await onRanks([{ folder, config: absent }, { folder }], comparison)).error!.message).toMatch(/^(?!rank).*none\.txt/);
    const rate = config.with({ training: { beta2: 0.9 } });
    expect((await onRanks([{ folder }, { folder, config: rate }], search)).error!.message).toMatch(/^training\.beta2: rank 1 /);
  });
});
