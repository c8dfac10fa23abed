import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { places } from './disk.js';
import { writeFileWhole, writeFolderWhole } from './files.js';
import { lockFolder } from './lock.js';
import { sweep } from './processes.js';
import { readFolderWhole } from './read.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mdiff-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('whole files and folders', () => {
  it('reads back what was written, and leaves nothing else behind', async () => {
    await writeFolderWhole(join(folder, 'a'), { 'x.txt': 'one', 'sub/y.bin': new Uint8Array([1, 2, 3]) }, places.run);
    const files = await readFolderWhole(join(folder, 'a'));
    expect(files['x.txt']!.toString()).toBe('one');
    expect([...files['sub/y.bin']!]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('replaces a folder as a whole', async () => {
    await writeFolderWhole(join(folder, 'a'), { old: '1' }, places.run);
    await writeFolderWhole(join(folder, 'a'), { new: '2' }, places.run);
    expect((await readdir(join(folder, 'a'))).sort()).toEqual(['manifest.json', 'new']);
    expect(await readdir(folder)).toEqual(['a']);
  });

  it.each([
    ['a changed byte', (path: string) => writeFile(path, 'onE'), 'expected sha256'],
    ['a cut file', (path: string) => writeFile(path, 'o'), 'expected 3 bytes (manifest.json), got 1;'],
    ['a missing file', (path: string) => rm(path), 'expected a file of 3 bytes (manifest.json), got nothing'],
  ])('names %s', async (_, damage, message) => {
    await writeFolderWhole(join(folder, 'a'), { 'x.txt': 'one' }, places.run);
    await damage(join(folder, 'a', 'x.txt'));
    await expect(readFolderWhole(join(folder, 'a'))).rejects.toMatchObject({
      code: 'MDIFF_DAMAGED',
      message: expect.stringContaining(message) as string,
    });
    await expect(readFolderWhole(join(folder, 'a'))).rejects.toThrow('x.txt');
  });

  it('turns a failed write into one clear error and leaves the old file alone', async () => {
    await writeFile(join(folder, 'file'), 'old');
    // A file where a folder is needed fails for root too, unlike a read-only folder.
    await expect(writeFileWhole(join(folder, 'file', 'inside'), 'x', places.run)).rejects.toMatchObject({
      code: 'MDIFF_WRITE',
      exitCode: 1,
    });
    await expect(writeFolderWhole(join(folder, 'file', 'inside'), { x: 'y' }, places.run)).rejects.toMatchObject({ code: 'MDIFF_WRITE' });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('old');
  });

  it('sweeps away what an interrupted write left', async () => {
    await writeFolderWhole(join(folder, 'step-00000001'), { x: 'y' }, places.run);
    // Above the largest process number that Linux gives.
    await writeFolderWhole(join(folder, 'step-00000002.tmp-4194399'), { x: 'y' }, places.run);
    await writeFolderWhole(join(folder, 'step-00000001.old-4194399'), { x: 'y' }, places.run);
    await writeFile(join(folder, `run.json.tmp-${process.pid}`), 'from an earlier process with our number');
    await sweep(folder);
    expect(await readdir(folder)).toEqual(['step-00000001']);
  });

  it('puts a folder back whose replacement never came', async () => {
    await writeFolderWhole(join(folder, 'model.old-4194399'), { x: 'y' }, places.run);
    await writeFolderWhole(join(folder, 'model.tmp-4194399'), { x: 'z' }, places.run);
    await sweep(folder);
    expect(await readdir(folder)).toEqual(['model']);
    expect((await readFolderWhole(join(folder, 'model')))['x']!.toString()).toBe('y');
  });

  it('leaves what a running process is writing', async () => {
    await writeFile(join(folder, `x.tmp-${process.ppid}`), 'half');
    await sweep(folder);
    expect(await readdir(folder)).toEqual([`x.tmp-${process.ppid}`]);
    await writeFile(join(folder, `y.tmp-${process.pid}`), 'half');
    await sweep(folder, { ours: true });
    expect(await readdir(folder)).toContain(`y.tmp-${process.pid}`);
  });

  it.runIf(process.platform === 'linux').each(['/proc/mdiff/a/b', '/dev/null/x', `/tmp/${'x'.repeat(300)}`])(
    'a folder that cannot exist, %s, is one error at once',
    async (path) => {
      await expect(writeFileWhole(join(path, 'file'), 'x', places.output)).rejects.toMatchObject({ code: 'MDIFF_WRITE' });
      await expect(writeFolderWhole(join(path, 'a'), { x: 'y' }, places.output)).rejects.toMatchObject({ code: 'MDIFF_WRITE' });
      await expect(lockFolder(path, { place: places.output })).rejects.toMatchObject({ code: 'MDIFF_WRITE' });
    },
  );
});
