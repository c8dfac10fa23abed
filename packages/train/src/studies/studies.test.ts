import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyRun } from '../tiny.test.util.js';
import { compareArms } from './compare.js';
import { tune } from './tune.js';

let place: Awaited<ReturnType<typeof tinyRun>>;
beforeAll(async () => {
  place = await tinyRun({ training: { causal_fraction: 0, eval_every: 0, save_every: 0 } });
});
afterAll(() => rm(place.folder, { recursive: true, force: true }));

const going = { signal: new AbortController().signal, note: () => undefined };

/** Stops the study when a run begins. */
function stopBefore(run: number): { signal: AbortSignal; note(text: string): void; begun: string[] } {
  const controller = new AbortController();
  const begun: string[] = [];
  const note = (text: string): void => {
    if (text.startsWith('training: ') && begun.push(text) === run) controller.abort();
  };
  return { signal: controller.signal, note, begun };
}

describe('tune', { timeout: 120_000 }, () => {
  it('gives the better trials more steps, goes on after an interrupt, and writes the best configuration', async () => {
    const folder = join(place.folder, 'tuned');
    const search = { searches: ['training.learning_rate=log:1e-6..1e-1'], trials: 3, rounds: 2, steps: 6, seed: 1, folder };
    const stopped = await tune(place.config, { ...search, ...stopBefore(2) });
    expect(stopped.finished).toBe(false);
    const record = await readFile(join(folder, 'tune.json'), 'utf8');
    expect(Object.keys((JSON.parse(record) as { results: object }).results)).toEqual(['trial-001-steps-2']);
    const watch = stopBefore(99);
    const { finished, trials, best } = await tune(place.config, { ...search, ...watch });
    expect(finished).toBe(true);
    expect(watch.begun).toHaveLength(3);
    expect(trials.map(({ results }) => results.length)).toEqual([2, 1, 1]);
    const first = trials.map(({ results }) => (results[0] as { bits_per_byte: number }).bits_per_byte);
    expect([...first].sort((a, b) => a - b)).toEqual(first);
    const written = ProjectConfig.parse(await readFile(best!.file, 'utf8'));
    expect(written.training.learning_rate).toBe(best!.values['training.learning_rate']);
    const again = await tune(place.config, { ...search, ...stopBefore(1) });
    expect(again.trials).toEqual(trials);
    await expect(tune(place.config, { ...search, seed: 2, ...going })).rejects.toThrow(/tune\.json: this folder holds another study/);
    await writeFile(join(folder, 'tune.json'), '{');
    await expect(tune(place.config, { ...search, ...going })).rejects.toThrow(/this record is damaged/);
  });
});

describe('compareArms', { timeout: 120_000 }, () => {
  it('measures arms on the same held-out units, with the same steps, over several seeds', async () => {
    const options = { arms: ['uniform', 'autoregressive'], starts: ['scratch'] as const, seeds: [1], steps: 3 };
    const folder = join(place.folder, 'compared');
    const { finished, rows, units } = await compareArms(place.config, { ...options, folder, ...going });
    expect(finished).toBe(true);
    expect(rows.map(({ arm, by, seeds, steps }) => [arm, by, seeds.length, steps])).toEqual([
      ['uniform', 'nelbo', 1, 3],
      ['autoregressive', 'next_token', 1, 3],
    ]);
    expect(units).toBeGreaterThan(1);
    expect(rows[0]!.tokens).toBe(rows[1]!.tokens);
    expect(rows[1]!.difference!.difference).toBeCloseTo(rows[1]!.mean - rows[0]!.mean, 9);
    await expect(compareArms(place.config, { ...options, arms: ['unifrom'], folder, ...going })).rejects.toThrow(
      /--arms: expected some of full, .* untied, curricula, ablation, variants, all, got "unifrom"/,
    );
    await expect(compareArms(place.config, { ...options, arms: ['variants'], starts: ['base'], folder, ...going })).rejects.toThrow(
      /--arms: "positions-64" has another network than base-en/,
    );
  });
});
