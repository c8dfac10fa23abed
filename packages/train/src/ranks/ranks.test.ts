import { mkdir, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { engines } from '@mdiff/engine';
import type { Engine } from '@mdiff/engine';
import { localRanks, tinyBook } from '@mdiff/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readMetrics } from '../metrics.js';
import type { MetricLine } from '../metrics.js';
import type { TrainOptions, TrainResult } from '../options.js';
import { silent } from '../reporter.js';
import { facts, go, tinyRun } from '../tiny.test.util.js';
import { follow } from './follow.js';
import { leadRanks } from './lead.js';
import { learner } from './learner.test.util.js';
import { meet } from './meet.js';

// Runs on several ranks in this process: the training loop, the followers and the exchange are the real ones; MPI and the network are not.

const folders: string[] = [];
const use = (open: (typeof engines)[string]): void => {
  for (const name of Object.keys(engines)) vi.spyOn(engines, name).mockImplementation(open);
};
beforeEach(() => use(learner));
afterAll(() => vi.restoreAllMocks());
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const stage = { epochs: 2, masking_rate_range: [0.1, 0.3] as const, data_selection: 'all', format_type: 'paragraphs' } as const;
/** Two stages, dropout, an average, evaluations of several batches; a step has twelve batches. */
const changes = {
  model: { dropout: 0.1 },
  curriculum: { stages: ['one', 'two'].map((name) => ({ name, ...stage })), reset_optimizer: true },
  training: { batch_size: 1, max_steps: 8, log_every: 1, eval_every: 4, save_every: 4, val_batch_size: 2, ema_decay: 0.9 },
} satisfies ProjectInput;

const configOf = async (more: ProjectInput['training'] = {}): Promise<ProjectConfig> => {
  const { config, folder } = await tinyRun({ ...changes, training: { ...changes.training, ...more } });
  folders.push(folder);
  return config;
};

interface Ended {
  result?: TrainResult;
  error?: Error & { exitCode?: number };
  /** exit codes of the ranks that followed */
  codes: number[];
  notes: string[];
  warnings: string[];
}

/** A run on ranks, of which each may have a configuration of its own. */
async function onRanks(configs: readonly ProjectConfig[], options: Partial<TrainOptions> = {}): Promise<Ended> {
  const comms = localRanks(configs.length);
  const notes: string[] = [];
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const following = comms.slice(1).map((comm) => follow(configs[comm.rank]!, { comm, warn }));
  const ended: Ended = { codes: [], notes, warnings };
  try {
    const lead = await leadRanks(configs[0]!, { comm: comms[0]!, warn }).catch(async (error: unknown) => {
      await comms[0]!.close();
      throw error;
    });
    try {
      ended.result = await go(configs[0]!, { lead, reporter: { ...silent, note: (text) => notes.push(text) }, ...options });
      await lead.end(0);
    } catch (error) {
      await lead.end(1, (error as Error).message);
      throw error;
    }
  } catch (error) {
    ended.error = error as Error;
  }
  ended.codes = await Promise.all(following);
  return ended;
}

const linesOf = async ({ folder }: TrainResult): Promise<MetricLine[]> =>
  facts(await readMetrics(join(folder, 'metrics.jsonl'))) as MetricLine[];
const filesOf = async ({ folder }: TrainResult): Promise<string[]> => (await readdir(folder, { recursive: true })).sort();
const weightsOf = ({ model }: TrainResult): Promise<Buffer> => readFile(join(model!, 'model.safetensors'));

describe('a run on ranks', () => {
  let alone: { lines: MetricLine[]; weights: Buffer; files: string[] };
  beforeAll(async () => {
    use(learner);
    const result = await go(await configOf({ gradient_accumulation_steps: 12 }));
    alone = { lines: await linesOf(result), weights: await weightsOf(result), files: await filesOf(result) };
    expect(new Set(alone.lines.map(({ loss }) => loss)).size).toBe(8);
  }, 30_000);

  it.each([2, 3, 4])('gives the losses, figures and weights of one rank with as many batches, to the bit: %i ranks', async (size) => {
    const config = await configOf({ gradient_accumulation_steps: 12 / size });
    const { result, error, codes } = await onRanks(Array.from({ length: size }, () => config));
    expect(error).toBeUndefined();
    expect(await linesOf(result!)).toEqual(alone.lines);
    expect((await weightsOf(result!)).equals(alone.weights)).toBe(true);
    expect(codes).toEqual(Array.from({ length: size - 1 }, () => 0));
    // The others write nothing.
    expect(await filesOf(result!)).toEqual(alone.files);
    expect(JSON.parse(await readFile(join(result!.folder, 'run.json'), 'utf8'))).toMatchObject({ ranks: size, step: 8 });
  });

  it.each([
    // Sums of twelve float32 numbers in another order; the updates of Adam divide by their size.
    ['float32', 1e-4],
    // Eight bits of mantissa, of which error feedback gives the rest back later.
    ['bfloat16', 2e-2],
  ] as const)('gives nearly the same losses with %s', async (gradient_exchange, tolerance) => {
    const config = await configOf({ gradient_accumulation_steps: 4, gradient_exchange });
    const lines = await linesOf((await onRanks([config, config, config])).result!);
    lines.forEach(({ loss }, i) => expect(Math.abs(loss - alone.lines[i]!.loss)).toBeLessThan(tolerance));
  });

  it('goes on with another number of ranks, to the bit, and says how a step is shared', async () => {
    const config = await configOf({ gradient_accumulation_steps: 4 });
    const stop: Record<number, AbortController> = { 3: new AbortController(), 6: new AbortController() };
    const onMetric: TrainOptions['onMetric'] = ({ step }) => Promise.resolve(stop[step]?.abort());
    const stopped = await onRanks([config, config, config], { onMetric, signal: stop[3]!.signal });
    expect(stopped.result).toMatchObject({ finished: false, step: 3 });
    const two = await onRanks([config, config], { mode: 'resume', onMetric, signal: stop[6]!.signal });
    expect(two.notes).toContain('this run began on 3 ranks with 12 batches a step: a step stays as it is, and 2 ranks share it');
    const notes: string[] = [];
    const result = await go(config, { mode: 'resume', reporter: { ...silent, note: (text) => notes.push(text) } });
    expect(notes).toContain('this run began on 3 ranks with 12 batches a step: a step stays as it is, and 1 rank computes it');
    expect(await linesOf(result)).toEqual(alone.lines);
    expect((await weightsOf(result)).equals(alone.weights)).toBe(true);
  });
});

it('a text that is scored without the default encoder', async () => {
  const { config, folder } = await tinyRun({
    ...changes,
    curriculum: { stages: [{ name: 'one', ...stage, data_selection: 'easy' }] },
    training: { ...changes.training, max_steps: 1 },
  });
  folders.push(folder);
  const { error, codes } = await onRanks([config, config]);
  expect(error).toBeUndefined();
  expect(codes).toEqual([0]);
});

describe('a shelf on ranks', () => {
  /** The entries of the token cache in a folder, with their contents. */
  const cacheIn = async (cache: string): Promise<Record<string, string>> => {
    const names = (await readdir(join(cache, 'tokens'))).sort();
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(join(cache, 'tokens', name), 'base64')] as const)),
    );
  };
  let config: ProjectConfig;
  let root: string;
  let alone: { lines: MetricLine[]; cache: Record<string, string> };
  const rooted = (own: ProjectConfig, name: string): ProjectConfig =>
    own.with({ output_dir: join(root, name, 'out'), cache_dir: join(root, name) });
  const batches = (own: ProjectConfig, size: number): ProjectConfig => own.with({ training: { gradient_accumulation_steps: 6 / size } });
  beforeAll(async () => {
    use(learner);
    config = await configOf();
    root = dirname(config.data.source);
    const source = join(root, 'shelf');
    await mkdir(source, { recursive: true });
    for (let i = 0; i < 7; i++) await writeFile(join(source, `book-${i}.txt`), tinyBook(12 + i));
    // Binary, so no text is read of it; its size makes the shelf one that goes through the token cache.
    await writeFile(join(source, 'padding.txt'), '');
    await truncate(join(source, 'padding.txt'), 5e6);
    config = config.with({ data: { source } });
    const here = batches(rooted(config, 'alone'), 1);
    alone = { lines: await linesOf(await go(here)), cache: await cacheIn(here.cache_dir) };
    expect(Object.keys(alone.cache)).toHaveLength(14); // an outline and a shard of each
  }, 60_000);

  it.each([2, 3])('%i ranks that share a cache: rank 0 writes the entries of one process, and the losses are the same', async (size) => {
    const own = batches(rooted(config, `shared-${size}`), size);
    const { result, error } = await onRanks(Array.from({ length: size }, () => own));
    expect(error).toBeUndefined();
    expect(await linesOf(result!)).toEqual(alone.lines);
    expect(await cacheIn(own.cache_dir)).toEqual(alone.cache);
  });

  it('ranks that share none get the entries from rank 0', async () => {
    const own = [0, 1, 2].map((rank) => batches(rooted(config, `apart-${rank}`), 3));
    const { result, error } = await onRanks(own);
    expect(error).toBeUndefined();
    expect(await linesOf(result!)).toEqual(alone.lines);
    for (const { cache_dir } of own) expect(await cacheIn(cache_dir)).toEqual(alone.cache);
  });

  it('a rank whose disk takes no entry is named', async () => {
    const own = [0, 1].map((rank) => batches(rooted(config, `refused-${rank}`), 2));
    await mkdir(own[1]!.cache_dir, { recursive: true });
    await writeFile(join(own[1]!.cache_dir, 'tokens'), 'a file, where a folder is needed');
    const { error, codes } = await onRanks(own);
    expect(error!.message).toMatch(/^rank 1 \(host .+, pid \d+\): .*refused-1/);
    expect(codes).toEqual([1]);
  });
});

describe('ranks that differ', () => {
  it('refuse to start: another configuration', async () => {
    const config = await configOf();
    const { error, codes } = await onRanks([config, config, config.with({ training: { beta2: 0.9 } })]);
    expect(error!.message).toMatch(
      /^training\.beta2: rank 2 \(host .+, pid \d+\) has 0\.9 and rank 0 0\.95: give every rank the same configuration$/,
    );
    expect(codes).toEqual([2, 2]);
  });

  it('refuse to start: another version', async () => {
    const config = await configOf();
    const comms = localRanks(2);
    const both = await Promise.allSettled(
      comms.map((comm) => meet(comm, config, comm.rank === 1 ? { version: '9.9.9', host: 'b', pid: 7 } : {})),
    );
    const message = /^rank 1 \(host b, pid 7\) runs mdiff 9\.9\.9 and rank 0 mdiff \d.*: install the same version on every machine$/;
    for (const one of both)
      expect(one).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(message) as string, exitCode: 2 } });
  });

  it('refuse to start: another text, and one that is not there', async () => {
    const [config, other, none] = [await configOf(), await configOf(), await configOf()];
    await writeFile(other.data.source, 'Another book.\n\nOf other words.\n\nAnd more of them, for there must be something to learn.\n');
    const differs = await onRanks([config, other]);
    expect(differs.error!.message).toMatch(
      /^rank 1 .*(has prepared another text than rank 0: give every machine the same files|no unit|no text)/,
    );
    expect(differs.codes).toEqual([1]);
    await rm(none.data.source);
    const missing = await onRanks([await configOf(), none]);
    expect(missing.error!.message).toMatch(/^rank 1 \(host .+, pid \d+\): .*book\.txt/);
  });

  it('share the processors of their machine', async () => {
    const config = await configOf();
    const hosts = [
      { host: 'a', processors: '0-7', threads: 8 },
      { host: 'a', processors: '0-7', threads: 8 },
      { host: 'b', processors: '0-3', threads: 4 },
      { host: 'b', processors: '4-7', threads: 4 },
    ];
    const meetings = await Promise.all(localRanks(4).map((comm) => meet(comm, config, hosts[comm.rank])));
    expect(meetings.map(({ threads }) => threads)).toEqual([4, 4, 4, 4]);
  });
});

describe('a fault', () => {
  /** The engine of one of two ranks with other functions. The rank that follows opens its engine first. */
  const faulty = (rank: 0 | 1, change: (engine: Engine) => Partial<Engine>) => {
    let opening = 1;
    use(async (options) => {
      const engine = await learner(options);
      return opening-- === rank ? { ...engine, ...change(engine) } : engine;
    });
  };

  it('of rank 0 between steps lets the others go, with its exit code', async () => {
    const config = await configOf();
    const { error, codes } = await onRanks([config, config], {
      onMetric: () => Promise.reject(new Error('cannot write to outputs/tiny: disk full (ENOSPC)')),
    });
    expect(error!.message).toContain('disk full');
    expect(codes).toEqual([1]);
  });

  it('of a rank that follows ends the job, with a line that names it', async () => {
    const config = await configOf();
    faulty(1, () => ({ apply: () => Promise.reject(new Error('out of memory\n at native code')) }));
    const comms = localRanks(2);
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    void follow(config, { comm: comms[1]!, warn });
    const lead = await leadRanks(config, { comm: comms[0]!, warn });
    await expect(go(config, { lead })).rejects.toThrow('rank 1 has ended the job');
    expect(comms[1]!.aborted).toBe(1);
    expect(warnings[0]).toMatch(
      /^rank 1 \(host .+, pid \d+\): out of memory; the job ends on all ranks; run the command again with --resume$/,
    );
  });

  it('of rank 0 in the middle of a step ends the job, after its line', async () => {
    const config = await configOf();
    faulty(0, () => ({ apply: () => Promise.reject(new Error('the library crashed')) }));
    const comms = localRanks(2);
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    void follow(config, { comm: comms[1]!, warn });
    const lead = await leadRanks(config, { comm: comms[0]!, warn });
    await expect(go(config, { lead })).rejects.toThrow('the library crashed');
    void lead.end(1, 'the library crashed');
    expect(warnings).toEqual(['the library crashed']);
    expect(comms[0]!.aborted).toBe(1);
  });

  it('of the arithmetic of one machine is found at the next checkpoint', async () => {
    const config = await configOf();
    faulty(1, (engine) => ({
      apply: (update, gradient) =>
        engine.apply(
          update,
          gradient!.map((value) => value * (1 + 1e-6)),
        ),
    }));
    const { error, codes } = await onRanks([config, config]);
    expect(error!.message).toMatch(/^rank 1 \(host .+, pid \d+\): its weights are no longer those of rank 0/);
    expect(codes).toEqual([1]);
  });

  it('of a loss that is not finite drops the step on every rank', async () => {
    const config = await configOf({ on_nonfinite: 'skip' });
    let calls = 0;
    faulty(1, (engine) => ({ grads: async (batch) => ({ loss: (await engine.grads(batch)).loss * (calls++ === 2 ? NaN : 1) }) }));
    const { result } = await onRanks([config, config]);
    const lines = await linesOf(result!);
    expect(lines.map(({ skipped }) => skipped ?? 0)).toEqual([0, 0, 1, 0, 0, 0, 0, 0]);
  });
});
