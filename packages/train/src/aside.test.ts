import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asideOf, dropAside, hasAside, putAside, settleAside } from './aside.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-aside-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A folder like a run's: a record, a model, a checkpoint. */
async function makeRun(name: string, step: number | undefined): Promise<void> {
  await writeFile(join(folder, 'run.json'), name);
  await mkdir(join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'model', 'README.md'), name);
  if (step === undefined) return;
  const checkpoint = join(folder, 'checkpoints', `step-${String(step).padStart(8, '0')}`);
  await mkdir(checkpoint, { recursive: true });
  await writeFile(join(checkpoint, 'progress.json'), name);
}

const listing = async (): Promise<string[]> => (await readdir(folder, { recursive: true })).sort();

describe('an earlier run', () => {
  it('is moved aside with everything but the lock, and comes back as it was', async () => {
    await makeRun('old', 20);
    await writeFile(join(folder, 'report.html'), 'old');
    const before = await listing();
    await mkdir(join(folder, '.lock'));
    expect(await putAside(folder)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['.lock', 'earlier-run']);
    expect(await hasAside(folder)).toBe(true);
    await writeFile(join(folder, 'run.json'), 'new, without a checkpoint');
    expect(await settleAside(folder)).toBe(true);
    await rm(join(folder, '.lock'), { recursive: true });
    expect(await listing()).toEqual(before);
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe('old');
  });

  it('is removed once the new run has a checkpoint of a step', async () => {
    await makeRun('old', 20);
    await putAside(folder);
    await makeRun('new', 5);
    expect(await settleAside(folder)).toBe(false);
    expect(await hasAside(folder)).toBe(false);
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe('new');
  });

  it('comes back if the new run has a checkpoint of no step', async () => {
    await makeRun('old', 20);
    await putAside(folder);
    await makeRun('new', 0);
    expect(await settleAside(folder)).toBe(true);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['step-00000020']);
  });

  it('is nothing in an empty folder', async () => {
    expect(await putAside(folder)).toBe(false);
    expect(await putAside(join(folder, 'absent'))).toBe(false);
    expect(await settleAside(folder)).toBe(false);
  });

  // The state after each single move, as a kill leaves it.
  it.each([1, 2, 3])('is whole again after a kill while it is moved aside, after %d moves', async (moves) => {
    await makeRun('old', 20);
    const before = await listing();
    await mkdir(asideOf(folder));
    const { rename } = await import('node:fs/promises');
    for (const name of ['checkpoints', 'model', 'run.json'].slice(0, moves)) await rename(join(folder, name), join(asideOf(folder), name));
    await settleAside(folder);
    expect(await listing()).toEqual(before);
  });

  it.each([1, 2, 3])('is whole again after a kill while it is put back, after %d moves', async (moves) => {
    await makeRun('old', 20);
    const before = await listing();
    await putAside(folder);
    const { rename } = await import('node:fs/promises');
    for (const name of ['run.json', 'model', 'checkpoints'].slice(0, moves)) await rename(join(asideOf(folder), name), join(folder, name));
    await settleAside(folder);
    expect(await listing()).toEqual(before);
    await dropAside(folder);
  });
});
