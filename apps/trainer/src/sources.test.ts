import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProjectConfig, projectConfig } from '@mdiff/config';
import { inspectText } from '@mdiff/prepare';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sayOverridden, sourceOf, sourcesOf } from './sources.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdiff-sources-'));
  for (const [name, text] of Object.entries({
    'a {1}, old!.txt': 'A short text.',
    'b.txt': 'B short text.',
    'shelf/c.txt': 'C short text.',
    'shelf/d/e.txt': 'E short text.',
    'not asked for.txt': 'F short text.',
  })) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('several arguments', () => {
  it('are one source of all their files, whatever their names', async () => {
    const source = sourcesOf(['a {1}, old!.txt', 'b.txt', 'shelf'].map((name) => join(folder, name)));
    const config = projectConfig({
      tokenizer: { type: 'bpe' },
      data: { source },
      training: { val_split: 0 },
      cache_dir: join(folder, 'cache'),
    });
    expect(await inspectText(config)).toMatchObject({ documents: 4, words: 4 * 3 });
  });

  it('and one is that file or folder', () => {
    expect(sourcesOf([join(folder, 'shelf')])).toBe(join(folder, 'shelf'));
    expect(sourceOf('builtin:moby-dick')).toBe('builtin:moby-dick');
  });
});

it.each(['misspelt.txt', 'builtin:moby-dick', '*.txt'])('%s among several arguments is refused', (name) => {
  expect(() => sourcesOf([join(folder, 'b.txt'), name])).toThrow(
    `${name}: no such file or folder; of several texts each must be a file, an archive or a folder`,
  );
});

describe('a configuration given as a text', () => {
  it.each(['my.yaml', 'a folder/my.YML'])('%s', (name) => {
    const message = `${name} is a configuration, not a text; did you mean --config ${name}? (to learn its text, name a copy .txt)`;
    expect(() => sourceOf(name)).toThrow(message);
    expect(() => sourcesOf([name])).toThrow(message);
    expect(() => sourcesOf(['b.txt', name])).toThrow(message);
  });
});

it('an argument says which text it takes the place of', () => {
  const said: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const load = (text: string, env = {}) =>
    ProjectConfig.parse(text, { set: [{ flag: '[book]', set: 'data.source=b.txt' }], file: 'm.yaml', env });
  sayOverridden(load('data: {source: a.txt}'), '[book]');
  sayOverridden(load('', { MDIFF__DATA__SOURCE: 'c.txt' }), '[book]');
  sayOverridden(load('data: {source: b.txt}'), '[book]');
  sayOverridden(load('extends: quickstart'), '[book]');
  write.mockRestore();
  expect(said).toEqual([
    '[book] overrides data.source, which is a.txt in m.yaml:1:16\n',
    '[book] overrides data.source, which is c.txt in env MDIFF__DATA__SOURCE\n',
  ]);
});
