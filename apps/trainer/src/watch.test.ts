import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { places } from '@mdiff/folder';
import { lockFolder } from '@mdiff/folder/node';
import { silent } from '@mdiff/train';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { currentPage, follow, watchedFolder } from './watch.js';

let place: string;
let folder: string;
let release: () => Promise<void>;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'mdiff-watch-'));
  folder = join(place, 'book');
  release = await lockFolder(folder, { place: places.output });
});
afterEach(async () => {
  await release();
  await rm(place, { recursive: true, force: true });
});

const says = (phase: string, more: object = {}): Promise<void> =>
  writeFile(
    join(folder, '.activity.json'),
    JSON.stringify({ started: '2026-11-30T12:00:00.000Z', pid: -1, host: 'another', phase, ...more }),
  );

it('a run that is still preparing is found by its name, by its folder and as the newest', async () => {
  await expect(watchedFolder('book', place)).rejects.toThrow(/there is no run of this name/);
  await says('reading');
  expect(await watchedFolder('book', place)).toBe(folder);
  expect(await watchedFolder(folder, 'elsewhere')).toBe(folder);
  expect(await watchedFolder(undefined, place)).toBe(folder);
  await release();
  await expect(watchedFolder(undefined, place)).rejects.toThrow(/no run is here yet/);
});

it('each phase is shown once, with how far it is, until no process works there', async () => {
  await says('tokenizing', { detail: 'BPE' });
  const shown: string[] = [];
  const reporter = {
    ...silent,
    phase: (name: string, detail?: string) => {
      shown.push(`${name}: ${detail}`);
      if (name === 'tokenizing') void says('scoring', { detail: 'sentences', progress: { what: 'scored', done: 1, total: 4 } });
    },
    progress: (what: string, done: number, total: number) => {
      shown.push(`${what} ${done}/${total}`);
      void release();
    },
  };
  expect(await follow(folder, reporter, new AbortController().signal, 5)).toMatch(/^no process prepares this run any more/);
  expect(shown.filter((text, i) => text !== shown[i - 1])).toEqual(['tokenizing: BPE', 'scoring: sentences', 'scored 1/4']);
});

it('the page says what it waits for', async () => {
  await says('scoring', { detail: 'how <hard> it is', progress: { what: 'scored', done: 1, total: 4 } });
  const page = await currentPage(folder);
  expect(page).toContain('<h1>book</h1>');
  expect(page).toContain('being prepared: scoring: how &lt;hard&gt; it is, scored 25 %.');
});

it('the time left of a run that trains is its own estimate', async () => {
  const line = { step: 2, stage: 'text', objective: 'diffusion', epoch: 0, loss: 5, lr: 0.1, grad_norm: 1, tokens_per_s: 9 };
  await writeFile(join(folder, 'metrics.jsonl'), `${JSON.stringify(line)}\n`);
  // By its steps alone this run would take 40 s more.
  const setting = { engine: 'tfjs', device: 'cpu', threads: 1, precision: 'float32' };
  const record = { format_version: 2, state: 'training', step: 2, steps: 10, seconds: 10, updated: new Date().toISOString(), ...setting };
  await writeFile(join(folder, 'run.json'), JSON.stringify(record));
  await says('training', { ends: new Date(Date.now() + 90_000).toISOString() });
  expect(await currentPage(folder)).toMatch(/training, step 2 of 10, about 1 min \d+ s left\./);
  const left: (number | undefined)[] = [];
  const reporter = {
    ...silent,
    step: (report: { left?: number }) => {
      left.push(report.left);
      void release();
    },
  };
  expect(await follow(folder, reporter, new AbortController().signal, 5)).toMatch(
    /^no process trains this run: it stopped at step 2 of 10/,
  );
  expect(left.length).toBe(1);
  expect(left[0]).toBeGreaterThan(60);
  expect(left[0]).toBeLessThanOrEqual(90);
});
