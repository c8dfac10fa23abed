import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { engines } from '@mdiff/engine';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listCheckpoints } from './checkpoint.js';
import { readMetrics } from './metrics.js';
import type { MetricLine } from './metrics.js';
import type { TrainResult } from './options.js';
import { facts, go, tinyRun } from './tiny.test.util.js';

// The table is read-only for everyone else.
const table = engines as Record<string, (typeof engines)[string]>;
const original = engines['onnxruntime']!;
const folders: string[] = [];
afterEach(() => void (table['onnxruntime'] = original));
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Counts the batches that the engine evaluates, and aborts while it evaluates number `last` (from 1). */
function countEvaluations(last = Infinity): { signal: AbortSignal; count(): number } {
  const controller = new AbortController();
  let count = 0;
  table['onnxruntime'] = async (options) => {
    const engine = await original(options);
    const evaluate: typeof engine.evaluate = (batch) => {
      if (++count === last) controller.abort();
      return engine.evaluate(batch);
    };
    return Object.assign(Object.create(engine) as typeof engine, { evaluate });
  };
  return { signal: controller.signal, count: () => count };
}

const fresh = async (changes: Parameters<typeof tinyRun>[0]) => {
  const { config, folder } = await tinyRun(changes);
  folders.push(folder);
  return config;
};
const metricsOf = ({ folder }: { folder: string }): Promise<MetricLine[]> => readMetrics(join(folder, 'metrics.jsonl'));

describe('an evaluation that is interrupted', () => {
  // Evaluated after step 5 (next-token), 10 and 15 (one mask per unit) and 20 (four): seven times the held-out text.
  const changes = { training: { eval_every: 5, val_batch_size: 1, val_split: 0.3 } };
  const passes = 7;
  let whole: TrainResult;
  let lines: MetricLine[];
  let weights: Buffer;
  let batches: number;
  beforeAll(async () => {
    const { count } = countEvaluations();
    whole = await go(await fresh(changes));
    table['onnxruntime'] = original;
    lines = await metricsOf(whole);
    weights = await readFile(join(whole.model!, 'model.safetensors'));
    batches = count() / passes;
    expect(batches).toBeGreaterThan(3);
  }, 60_000);

  it.each([
    ['next-token', 5, 0.5],
    ['periodic', 10, 1.5],
    ['final', 20, 5.5],
  ])('stops before its next batch, and is the same, bit by bit, after --resume: %s', async (_, step, pass) => {
    const config = await fresh(changes);
    const last = Math.round(pass * batches);
    const { signal, count } = countEvaluations(last);
    const stopped = await go(config, { signal });
    expect(stopped).toMatchObject({ finished: false, step });
    expect(count()).toBe(last);
    expect(await listCheckpoints(join(stopped.folder, 'checkpoints'))).toContain(step);
    expect((await metricsOf(stopped)).map((line) => line.step)).toEqual(lines.map((line) => line.step).filter((logged) => logged < step));
    table['onnxruntime'] = original;
    const end = await go(config, { mode: 'resume' });
    expect(end.finished).toBe(true);
    expect(facts(await metricsOf(end))).toEqual(facts(lines));
    expect(end.nelbo).toEqual(whole.nelbo);
    expect((await readFile(join(end.model!, 'model.safetensors'))).equals(weights)).toBe(true);
  });

  it('may be the one that a trained run repeats before its export', async () => {
    const config = await fresh(changes);
    const done = await go(config);
    await beforeExport(done);
    const { signal, count } = countEvaluations(2);
    expect(await go(config, { mode: 'resume', signal })).toMatchObject({ finished: false, step: 20 });
    expect(count()).toBe(2);
    table['onnxruntime'] = original;
    expect((await go(config, { mode: 'resume' })).nelbo).toEqual(done.nelbo);
  });
});

/** Puts the record of a finished run back to the time before its export. */
async function beforeExport({ folder }: { folder: string }): Promise<void> {
  const path = join(folder, 'run.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...record, state: 'training' }));
}

it('a run that stops early reports the full evaluation, in its last metric line as well', async () => {
  const config = await fresh({
    curriculum: { stages: [{ name: 'one', epochs: 4, masking_rate_range: [0.05, 0.5], data_selection: 'all', format_type: 'paragraphs' }] },
    // No epoch can improve by 100 nats: after the first, each is one too many.
    training: { patience: 1, min_delta: 100, max_steps: null, max_epochs: 4, causal_fraction: 0 },
  });
  const stopped = await go(config);
  const last = (await metricsOf(stopped)).at(-1)!;
  expect(last.step).toBeLessThan(stopped.steps);
  expect(last.nelbo).toBe(stopped.nelbo!.nelbo);
  // A run that was killed before its export evaluates the same weights fully.
  await beforeExport(stopped);
  expect((await go(config, { mode: 'resume' })).nelbo).toEqual(stopped.nelbo);
});
