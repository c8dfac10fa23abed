import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { readFolder } from '@mdiff/folder/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftoverOf, removeLeftover } from './clean.js';
import { overviewNamed, overviews } from './overview.js';
import { go, stopAt, tinyRun } from './tiny.test.util.js';

let folder: string;
let config: ProjectConfig;
beforeAll(async () => {
  ({ folder, config } = await tinyRun({ training: { max_steps: 4, eval_every: 2, save_every: 2, log_every: 2, causal_fraction: 0 } }));
  await go(config.with({ experiment_name: 'whole' }));
  await go(config.with({ experiment_name: 'stopped' }), stopAt(2));
  await mkdir(join(config.output_dir, 'damaged'));
  await writeFile(join(config.output_dir, 'damaged', 'run.json'), '{');
  await mkdir(join(config.output_dir, 'no-run'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the runs of a folder', () => {
  it('are listed with what is recorded of each; one damaged record hides no other run', async () => {
    const damaged: string[] = [];
    const runs = await overviews(config.output_dir, ({ message }) => damaged.push(message));
    expect(runs.map(({ name, run }) => [name, run.record?.state, run.step])).toEqual([
      ['stopped', 'training', 2],
      ['whole', 'finished', 4],
    ]);
    expect(damaged).toEqual([expect.stringContaining(join('damaged', 'run.json'))]);
    const whole = runs[1]!;
    expect(whole.model).toBe(join(whole.folder, 'model'));
    expect(whole.evaluated).toEqual({ step: 4, bitsPerByte: expect.any(Number) as number });
    expect(runs[0]!.model).toBeUndefined();
    expect(whole.bytes).toBeGreaterThan(runs[0]!.bytes);
  });

  it('are found by name and by folder; another name is refused with those that are there', async () => {
    const byName = await overviewNamed('whole', config.output_dir);
    expect(await overviewNamed(join(config.output_dir, 'whole'), '.')).toEqual(byName);
    await expect(overviewNamed('nothing', config.output_dir)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^nothing: there is no run .* name one that is there: stopped, whole$/) as string,
    });
  });

  it('give up the checkpoints of a finished run, and keep its model and those of a run that can go on', async () => {
    const [stopped, whole] = await overviews(config.output_dir, () => undefined);
    expect(await leftoverOf(stopped!)).toBeUndefined();
    const leftover = await leftoverOf(whole!);
    expect(leftover!.bytes).toBeGreaterThan(1000);
    await removeLeftover(whole!, leftover!);
    expect(existsSync(join(whole!.folder, 'checkpoints'))).toBe(false);
    expect((await readFolder(whole!.model!)).name).toBe('whole');
    const again = await overviewNamed('whole', config.output_dir);
    expect(again).toMatchObject({ run: { record: { state: 'finished' } }, evaluated: whole!.evaluated });
    expect(await leftoverOf(again)).toBeUndefined();
  });
});
