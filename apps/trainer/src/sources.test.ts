import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import { inspectText } from '@mdiff/prepare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourceOf, sourcesOf } from './sources.js';

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
