import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { places } from '@mdiff/folder';
import { lockFolder } from '@mdiff/folder/node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { activeRuns, activityOf, withActivity } from './activity.js';
import { silent } from './reporter.js';
import { go, tinyRun } from './tiny.test.util.js';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'mdiff-activity-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

it('a run says what it does from the moment it has its folder, and nothing once it is over', async () => {
  const folder = join(place, 'run');
  const release = await lockFolder(folder, { place: places.output });
  const said: string[] = [];
  const { reporter, close } = withActivity({ ...silent, phase: (name) => said.push(name) }, folder);
  expect(await activityOf(folder)).toMatchObject({ phase: 'starting', pid: process.pid });
  reporter.phase('tokenizing', 'byte-level BPE');
  expect(await activityOf(folder)).toMatchObject({ phase: 'tokenizing', detail: 'byte-level BPE' });
  expect(await activeRuns(place)).toEqual([folder]);
  vi.useFakeTimers({ now: Date.now() + 1000 });
  reporter.progress('scored', 3, 4);
  reporter.progress('scored', 4, 4);
  vi.useRealTimers();
  expect(await activityOf(folder)).toMatchObject({ phase: 'tokenizing', progress: { what: 'scored', done: 3, total: 4 } });
  const report = { step: 1, steps: 9, stage: 'text', objective: 'diffusion', loss: 1, lr: 0.1, tokens_per_s: 5 } as const;
  const before = Date.now();
  reporter.step({ ...report, left: 60 }, true);
  const { ends, progress } = (await activityOf(folder))!;
  expect([Date.parse(ends!) - before >= 60_000, Date.parse(ends!) - Date.now() <= 60_000, progress]).toEqual([true, true, undefined]);
  reporter.phase('exporting');
  expect(await activityOf(folder)).toMatchObject({ phase: 'exporting', ends });
  close();
  expect((await readdir(folder)).filter((name) => name.startsWith('.activity'))).toEqual([]);
  expect(said).toEqual(['tokenizing', 'exporting']);
  await release();
  expect(await activeRuns(place)).toEqual([]);
});

it('what a killed process left behind counts no more', async () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const left = { started: '', pid, host: hostname(), phase: 'tokenizing' };
  await writeFile(join(place, '.activity.json'), JSON.stringify(left));
  expect(await activityOf(place)).toBeUndefined();
});

it('a run that fails before it has files leaves no folder', async () => {
  const { folder, config } = await tinyRun();
  try {
    await expect(go(config.with({ data: { source: join(folder, 'no-such.txt') } }))).rejects.toThrow(/no-such/);
    expect(await readdir(config.output_dir)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
