import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFolder } from '@mdiff/folder/node';
import { afterAll, expect, it } from 'vitest';
import { expectFree, writeSite } from './exportsite.js';
import { fixture } from './fixture.test.util.js';

const scratch = mkdtempSync(join(tmpdir(), 'mdiff-export-site-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const folderOf = (name: string, files: Readonly<Record<string, string>>): string => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(scratch, name, path, '..'), { recursive: true });
    writeFileSync(join(scratch, name, path), content);
  }
  return join(scratch, name);
};

it('carries the page, the runtime, and of the model what running needs, with its licence', async () => {
  const html = '<html><head><title>t</title></head></html>';
  const page = folderOf('page', { 'index.html': html, 'sw.js': '', 'assets/a.js': '', '.sources': 'x' });
  const names = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap((name) => [`${name}.mjs`, `${name}.wasm`]);
  const runtime = folderOf('runtime', Object.fromEntries([...names, 'ort.node.min.mjs'].map((name) => [name, name])));
  const folder = join(scratch, 'whales');
  await cp(fixture, folder, { recursive: true });
  folderOf('whales', { LICENSE: 'free', 'notes.txt': 'private' });
  const model = await readFolder(folder);
  const target = join(scratch, 'site');
  expect(await writeSite({ model, papers: folder, page, runtime }, target)).toEqual({ licences: ['LICENSE'] });
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name).sort()).toEqual(
    [...names, 'LICENSE', 'a.js', 'config.json', 'generation_config.json', 'index.html', 'manifest.json', 'model.onnx']
      .concat('playground.json', 'site.json', 'sw.js', 'tokenizer.json')
      .sort(),
  );
  const read = (path: string) => JSON.parse(readFileSync(join(target, path), 'utf8')) as Record<string, unknown>;
  const { version, files: kept } = read('site.json');
  expect(kept).toEqual(['./', 'playground.json', 'assets/a.js', 'model/LICENSE']);
  expect(readFileSync(join(target, 'index.html'), 'utf8')).toContain(`<meta name="mdiff-site" content="${String(version)}" /></head>`);
  expect(read('playground.json')).toMatchObject({
    mode: 'browser',
    models: [
      { id: model.name, folder: 'model/', licences: ['LICENSE'], left_to_right: false, generation: { max_length: expect.any(Number) } },
    ],
  });
  // The folder of the site is a model folder itself.
  expect((await readFolder(join(target, 'model'))).config).toEqual(model.config);
  await expectFree(target);
});

it("replaces no folder of somebody else's, also if it is a site", async () => {
  const theirs = folderOf('theirs', { 'site.json': '{"version":"1","files":[]}', 'index.html': '<html><head></head></html>' });
  await expect(expectFree(theirs)).rejects.toThrow(/theirs is not empty, and not a site that mdiff wrote; name a new or empty folder$/);
  await expectFree(join(scratch, 'new'));
});
