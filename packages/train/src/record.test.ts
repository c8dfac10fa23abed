import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectConfig } from '@mdiff/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { go, stopAt, tinyRun } from './tiny.test.util.js';

let folder: string;
let config: ProjectConfig;
let run: string;
let path: string;
let record: string;
beforeAll(async () => {
  ({ folder, config } = await tinyRun());
  ({ folder: run } = await go(config, stopAt(3)));
  path = join(run, 'run.json');
  record = await readFile(path, 'utf8');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a run.json that is damaged', () => {
  it.each([
    ['cut short', () => record.slice(0, 40)],
    ['empty', () => ''],
    ['no object', () => 'null'],
    ['an object without a step', () => '{"format_version":1,"state":"training"}'],
  ])('is one error that names the file and the ways on, and nothing is deleted: %s', async (_, content) => {
    await writeFile(path, content());
    const before = (await readdir(run, { recursive: true })).sort();
    for (const mode of ['new', 'resume'] as const) {
      const error = await go(config, { mode }).catch((reason: unknown) => reason as Error);
      expect(error).toMatchObject({ code: 'MDIFF_DAMAGED' });
      expect((error as Error).message).toBe(
        `${path}: the record of this run is damaged; nothing was changed; delete this file and add --resume to go on from the newest checkpoint, or add --fresh to start over, which deletes the run's checkpoints`,
      );
    }
    expect((await readdir(run, { recursive: true })).sort()).toEqual(before);
    expect(await readFile(path, 'utf8')).toBe(content());
  });

  it('is not the same as one that cannot be read', async () => {
    await rm(path);
    await mkdir(path);
    await expect(go(config, { mode: 'resume' })).rejects.toThrow(
      /run\.json: mdiff cannot read the record of this run \(EISDIR\); nothing was changed; make it readable/,
    );
    await rm(path, { recursive: true });
  });

  it('may be deleted: the run goes on from its newest checkpoint, and is not overwritten by a new one', async () => {
    await rm(path, { recursive: true, force: true });
    await expect(go(config)).rejects.toThrow(
      /this folder holds an earlier run of "book" at step 3; add --resume to go on, or --fresh to start over/,
    );
    expect(await go(config, { mode: 'resume', ...stopAt(5) })).toMatchObject({ finished: false, step: 5 });
  });

  it('does not stop --fresh', async () => {
    await writeFile(path, 'damaged');
    expect(await go(config, { mode: 'fresh', ...stopAt(1) })).toMatchObject({ finished: false, step: 1 });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ state: 'training', step: 1 });
  });
});
