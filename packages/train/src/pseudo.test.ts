import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectInput } from '@mdiff/config';
import { engines } from '@mdiff/engine';
import type { Engine, EngineOptions, StepBatch } from '@mdiff/engine';
import { layout } from '@mdiff/model';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readMetrics } from './metrics.js';
import type { TrainOptions } from './options.js';
import { repetition } from './pseudo.js';
import type { PseudoUnit } from './pseudo.js';
import { readSamples } from './samples.js';
import { facts, go, stopAt, tinyRun } from './tiny.test.util.js';

/** Learns nothing, and gives a loss that tells which text and masks it saw. */
function blank({ model, threads }: EngineOptions): Promise<Engine> {
  const table = layout(model);
  const zeros = (): Float32Array => new Float32Array(table.total);
  const lossOf = ({ ids, rows }: StepBatch): number => (ids.reduce((sum, id, i) => (sum * 31 + id * i) % 9973, rows.length) % 997) / 100;
  return Promise.resolve({
    name: 'blank',
    threads,
    layout: table,
    grads: (batch) => Promise.resolve({ loss: lossOf(batch) }),
    gradient: () => Promise.resolve(zeros()),
    take: () => Promise.resolve(zeros()),
    apply: () => Promise.resolve({ gradNorm: 1, finite: true }),
    step: (batches) => Promise.resolve({ loss: batches.reduce((sum, batch) => sum + lossOf(batch), 0), gradNorm: 1, finite: true }),
    evaluate: ({ rows }) => Promise.resolve(new Float32Array(rows.length).fill(5)),
    read: () => Promise.resolve({ params: zeros(), m: zeros(), v: zeros() }),
    load: () => Promise.resolve(),
    resetMoments: () => Promise.resolve(),
    exportOnnx: () => Promise.resolve({ model: new Uint8Array() }),
    startup: () => Promise.resolve({ trace: 0, optimize: 0, lower: 0, library: 0, load: 0 }),
    close: () => Promise.resolve(),
  });
}
beforeAll(() => {
  for (const name of Object.keys(engines)) vi.spyOn(engines, name).mockImplementation(blank);
});

const folders: string[] = [];
afterAll(() => vi.restoreAllMocks());
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const stage = { epochs: 2, masking_rate_range: [0.1, 0.3] as const, data_selection: 'all', format_type: 'paragraphs' } as const;
const changes: ProjectInput = {
  curriculum: { stages: ['one', 'two', 'three'].map((name) => ({ name, ...stage })), pseudo_data_max_samples: 6, pseudo_data_ratio: 1 },
  training: { max_steps: 12, log_every: 1, sample_every: 6 },
};

/** Fills every gap with a word, and leaves every third text as it was too short to be. */
const writer: NonNullable<TrainOptions['writer']> = {
  write: (_model, { prompt }) => Promise.resolve(`${prompt} and on`),
  refill: (_model, { texts }) =>
    Promise.resolve(texts.map((parts, i) => (i % 3 === 2 ? '' : parts.map((part) => (typeof part === 'string' ? part : ' sea')).join('')))),
};

describe('pseudo-data', () => {
  it('counts how far a text repeats itself', () => {
    expect(repetition([1, 2, 3, 4])).toBe(0);
    expect(repetition([1, 2, 3, 1, 2, 3])).toBe(0.25);
  });

  it('is made once, filtered, kept with its origin, and the same after a resume; a run writes samples on the way', async () => {
    const whole = await tinyRun(changes);
    const cut = await tinyRun(changes);
    folders.push(whole.folder, cut.folder);
    const notes: string[] = [];
    const { folder } = await go(whole.config, { writer, warn: (text) => void notes.push(text) });
    const lines = (await readFile(join(folder, 'pseudo.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PseudoUnit);
    expect(lines).toHaveLength(6);
    for (const { masked, of, real } of lines)
      expect([masked > 0, masked <= Math.ceil(0.3 * of), real.length > 0]).toEqual([true, true, true]);
    expect(lines.filter(({ dropped }) => dropped === 'too long')).toHaveLength(2);
    expect(lines.some(({ dropped }) => dropped === undefined)).toBe(true);
    expect(await readSamples(folder)).toMatchObject([{ step: 6 }, { step: 12 }]);

    const stopped = await go(cut.config, { writer, ...stopAt(10) });
    expect(stopped.finished).toBe(false);
    const resumed = await go(cut.config, { mode: 'resume', writer: { ...writer, refill: () => Promise.reject(new Error('made twice')) } });
    expect(facts(await readMetrics(join(resumed.folder, 'metrics.jsonl')))).toEqual(
      facts(await readMetrics(join(folder, 'metrics.jsonl'))),
    );
    expect(await readSamples(resumed.folder)).toEqual(await readSamples(folder));
  });
});
