import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from './command.test.util.js';
import { fixture } from './fixture.test.util.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-models-'));
  await cp(fixture, join(folder, 'whole', 'model'), { recursive: true });
  await cp(fixture, join(folder, 'damaged', 'model'), { recursive: true });
  await writeFile(join(folder, 'damaged', 'model', 'manifest.json'), '{');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('lists the models of the runs, and says which folder is damaged', async () => {
  const { out, err, code } = await run('models', 'list', '--set', `output_dir=${folder}`, '--json');
  expect(code).toBe(0);
  const models = JSON.parse(out) as { path: string; writes: boolean; bytes: number }[];
  expect(models.find(({ path }) => path === join(folder, 'whole', 'model'))).toMatchObject({ writes: true });
  expect(models.map(({ path }) => path).filter((path) => path.includes('damaged'))).toEqual([]);
  expect(err).toContain(join('damaged', 'model', 'manifest.json'));
  const lines = (await run('models', 'list', '--set', `output_dir=${folder}`)).out;
  expect(lines).toMatch(/writes +\S*whole\/model\n/);
});

it('says of weights without a graph how they write', async () => {
  const base = join(folder, 'base', 'model');
  await cp(fixture, base, { recursive: true });
  const manifest = JSON.parse(await readFile(join(base, 'manifest.json'), 'utf8')) as { files: { path: string }[] };
  manifest.files = manifest.files.filter(({ path }) => !path.startsWith('onnx/'));
  await writeFile(join(base, 'manifest.json'), JSON.stringify(manifest));
  const { out } = await run('models', 'show', base);
  expect(out).toContain(`npx mdiff generate ${base}`);
  expect(out).toContain('needs @mdiff/trainer, which writes its graph at the first use');
});

it('shows one model, and refuses a name that is none', async () => {
  const shown = await run('models', 'show', join(folder, 'whole', 'model'));
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect(shown.out).toContain(`npx mdiff generate ${join(folder, 'whole', 'model')}`);
  const refused = await run('models', 'show', 'no-such-model');
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/^no-such-model: there is no folder of this name, and no installed model; mdiff models list shows/);
});

it('every command says of a name that is neither a folder nor installed where the models are', async () => {
  for (const args of [
    ['generate'],
    ['infill', 'a ___'],
    ['rewrite', 'a'],
    ['evaluate', 'a'],
    ['score', 'a'],
    ['export-site', 'site'],
    ['serve'],
  ]) {
    const { err, code } = await run(args[0]!, 'no-such-model', ...args.slice(1));
    expect({ code, err }).toEqual({
      code: 2,
      err: 'no-such-model: there is no folder of this name, and no installed model; mdiff models list shows the models that are here\n',
    });
  }
});
