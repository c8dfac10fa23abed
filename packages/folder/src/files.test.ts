import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFolderWhole, sweep, writeFileWhole, writeFolderWhole } from './files.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('whole files and folders', () => {
  it('reads back what was written, and leaves nothing else behind', async () => {
    await writeFolderWhole(join(folder, 'a'), { 'x.txt': 'one', 'sub/y.bin': new Uint8Array([1, 2, 3]) });
    const files = await readFolderWhole(join(folder, 'a'));
    expect(files['x.txt']!.toString()).toBe('one');
    expect([...files['sub/y.bin']!]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('replaces a folder as a whole', async () => {
    await writeFolderWhole(join(folder, 'a'), { old: '1' });
    await writeFolderWhole(join(folder, 'a'), { new: '2' });
    expect((await readdir(join(folder, 'a'))).sort()).toEqual(['manifest.json', 'new']);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it.each([
    ['a changed byte', (path: string) => writeFile(path, 'onE'), 'expected sha256'],
    ['a cut file', (path: string) => writeFile(path, 'o'), 'expected 3 bytes, got 1 bytes'],
    ['a missing file', (path: string) => rm(path), 'got no readable file'],
  ])('names %s', async (_, damage, message) => {
    await writeFolderWhole(join(folder, 'a'), { 'x.txt': 'one' });
    await damage(join(folder, 'a', 'x.txt'));
    await expect(readFolderWhole(join(folder, 'a'))).rejects.toMatchObject({ code: 'MDIFF_DAMAGED', message: expect.stringContaining(message) as string });
    await expect(readFolderWhole(join(folder, 'a'))).rejects.toThrow('x.txt');
  });

  it('turns a failed write into one clear error and leaves the old file alone', async () => {
    await writeFile(join(folder, 'file'), 'old');
    // A file where a folder is needed fails for root too, unlike a read-only folder.
    await expect(writeFileWhole(join(folder, 'file', 'inside'), 'x')).rejects.toMatchObject({ code: 'MDIFF_WRITE', exitCode: 1 });
    await expect(writeFolderWhole(join(folder, 'file', 'inside'), { x: 'y' })).rejects.toMatchObject({ code: 'MDIFF_WRITE' });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('old');
  });

  it('sweeps away what an interrupted write left', async () => {
    await writeFolderWhole(join(folder, 'step-00000001'), { x: 'y' });
    await writeFolderWhole(join(folder, 'step-00000002.tmp-99'), { x: 'y' });
    await sweep(folder);
    expect(await readdir(folder)).toEqual(['step-00000001']);
  });
});
