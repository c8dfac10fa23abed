import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { places } from './disk.js';
import { takeLock } from './heartbeat.js';
import { isLocked, lockFolder } from './lock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A lock as a process that was killed leaves it. */
async function leave(owner: object): Promise<void> {
  await mkdir(join(folder, '.lock'));
  await writeFile(join(folder, '.owner'), JSON.stringify(owner));
}

describe('the lock of a folder', () => {
  it('names the process that has it, and is free after its release', async () => {
    const release = await lockFolder(folder, { place: places.run });
    const busy = `${folder}: another training (pid ${process.pid}) is using this folder; wait for it, or choose another name with --set experiment_name=…`;
    await expect(lockFolder(folder, { place: places.run })).rejects.toMatchObject({ code: 'MDIFF_LOCKED', message: busy });
    await expect(lockFolder(folder, { place: places.cache, task: 'installation', busy: 'wait for it' })).rejects.toThrow(
      /another installation \(pid \d+\) is using this folder; wait for it$/,
    );
    await release();
    expect(await readdir(folder)).toEqual([]);
    await (
      await lockFolder(folder, { place: places.run })
    )();
  });

  it('leaves no folder behind that it has made and nothing was written to', async () => {
    const [empty, used] = [join(folder, 'a', 'empty'), join(folder, 'used')];
    for (const path of [empty, used]) {
      const release = await lockFolder(path, { place: places.run });
      if (path === used) await writeFile(join(path, 'run.json'), '{}');
      await release();
    }
    expect((await readdir(folder)).sort()).toEqual(['a', 'used']);
    expect(await readdir(join(folder, 'a'))).toEqual([]);
  });

  it('is free at once when its process of this machine is dead', async () => {
    await leave({ pid: 4194399, host: hostname() });
    await (
      await lockFolder(folder, { place: places.run })
    )();
  });

  it('tells its process that another one took it over, and leaves the files of the other alone', async () => {
    let lost: Error | undefined;
    const release = await lockFolder(folder, { place: places.run, onLost: (error) => (lost = error) });
    await rm(join(folder, '.lock'), { recursive: true });
    await leave({ pid: 4194399, host: 'elsewhere' });
    await vi.waitUntil(() => lost !== undefined, { timeout: 30_000 });
    expect(lost).toMatchObject({ code: 'MDIFF_LOCKED', message: expect.stringContaining('another process took over the lock') as string });
    await release();
    expect((await readdir(folder)).sort()).toEqual(['.lock', '.owner']);
  });

  it('is kept for a process of another machine while its heartbeat is fresh', async () => {
    await leave({ pid: 4194399, host: 'elsewhere' });
    await expect(lockFolder(folder, { place: places.run })).rejects.toThrow(
      'another training (pid 4194399 on elsewhere) is using this folder',
    );
  });

  it('is taken from a process of another machine that has been silent for ten seconds', async () => {
    await leave({ pid: 4194399, host: 'elsewhere' });
    expect(await isLocked(folder)).toBe(true);
    const old = new Date(Date.now() - 10_500);
    await utimes(join(folder, '.lock'), old, old);
    expect(await isLocked(folder)).toBe(false);
    const release = await lockFolder(folder, { place: places.run });
    expect(await isLocked(folder)).toBe(true);
    await release();
    expect(await isLocked(folder)).toBe(false);
  });

  it('that was left behind goes to one of those who want it at once', async () => {
    const lock = join(folder, '.lock');
    for (let round = 0; round < 5; round++) {
      await mkdir(lock);
      const old = new Date(Date.now() - 60_000);
      await utimes(lock, old, old);
      const holder = { isDead: () => Promise.resolve(false), forget: () => Promise.resolve() };
      const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(lock, { holder, onLost: () => undefined })));
      const releases = taken.filter((release) => release !== undefined);
      expect(releases).toHaveLength(1);
      await releases[0]!();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('is renewed while it is held', async () => {
    const release = await lockFolder(folder, { place: places.run });
    const lock = join(folder, '.lock');
    const { mtimeMs: first } = await stat(lock);
    await vi.waitUntil(async () => (await stat(lock)).mtimeMs > first, { timeout: 30_000 });
    await release();
  });
});
