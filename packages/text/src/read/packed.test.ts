import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zip } from './fixture.test.util.js';
import { loadSource, type LoadedSource } from './source.js';

let folder: string;
const write = (name: string, data: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdiff-packed-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tar = (files: Record<string, string>): Promise<Uint8Array> =>
  packTar(Object.entries(files).map(([name, body]) => ({ header: { name, size: Buffer.byteLength(body), type: 'file' as const }, body })));
const texts = ({ documents }: LoadedSource): string[][] =>
  documents.map(({ id, sections }) => [id, sections[0]!.paragraphs[0]!.text.split('.')[0]!]);

// Made with GNU tar 1.34 and XZ Utils 5.4: `tar -cf - ./one.txt ./shelf ./link.txt | xz -9`, `xz -9 one.txt`, `head -c 3000000 /dev/zero | xz -9`.
const SHELF_XZ =
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/APpdABcLymdplKmzTVyyD83hNzGaC/PXuvlyvuFGaQpJzOHIC0gYveuCgghMSlwzJLiEY+x5VKpsZYsdgY+9tm0CVEmCkit8TJ7HOR//IfjBslTEwHRAVuSlomu8IlWzRCMw/U1+GWZOne02yCseQEN8/bLSF/T5u+5PXKm9MJ9yO6gFGLhSDd93AgN+uzo+BFVLpQPcMYyTvyGQCWtlwUK3YqKatfntU17lKwqaWBHz2iEVUMB04qX3VQdidv49l4UI+s4SsU8y8viVDsCU8b1PhAf+HcA7B85r5HkO5pgCqpz9ZmNOcVEXC7mj9ydbNJ+VFjxloDvZXtikpwAAAABHShqrgRoYjgABlgKAUAAAaOpP87HEZ/sCAAAAAARZWg==';
const ONE_XZ =
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQArVGhlIHdoaXRlIHdoYWxlIHN3YW0gc2xvd2x5IHJvdW5kIHRoZSBzaGlwLgoAGTStRp50ZAMAAUQsyVNLhh+2830BAAAAAARZWg==';
const BOMB_XZ =
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM//8RAWxdAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1IrdM0eWyBC+d1TPfgpZAk7gMsqbN+1O/DEvS5fqg8+S2ZCkBMO/xCT+HF4WfgLzf+VKEYPqfx83vuaMC5WwI+F84OBwGXEJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1IrdM0eWyBC+d1TPfgpZAk7gMsqbN+1O/DEvEgn5liNx60AhADsc1On/b6ufDEan7eNMW5wnqcjX+woy4XRlZiKfiqR8id19xnABphNmP3Yr9WQD8QlU/j1kTYxBaWw7m/BcE1HDNGREaqtYB26zrEnGFxZhulmUli+6XasWeTlWwUI+cfarfz7Uit0zR5bIEL53VM9+ClkCTuAyyps37U78MS9FHktXQAAAACfA5m5yIb9IgABkgTAjbcBaatYJbHEZ/sCAAAAAARZWg==';
const xz = (text: string): Buffer => Buffer.from(text, 'base64');

const shelf = { 'b.txt': 'The second text.', 'a/one.md': '# One\n\nThe first text.', '.hidden.txt': 'Hidden.' };

describe('archives', () => {
  it.each([
    ['shelf.tar', (bytes: Uint8Array) => bytes],
    ['shelf.tar.gz', gzipSync],
    ['shelf.tgz', gzipSync],
    ['without an ending', gzipSync],
  ])('%s: its files in name order, hidden ones left out', async (name, pack) => {
    const loaded = await loadSource(write(name, pack(await tar(shelf))));
    expect(texts(loaded).map(([id]) => id)).toEqual(['a/one.md', 'b.txt']);
    expect(loaded.name).toBe(name.split('.')[0]);
  });

  it('.tar.xz, whose links and folders are left out', async () => {
    const loaded = await loadSource(write('books.tar.xz', xz(SHELF_XZ)));
    expect(texts(loaded)).toEqual([
      ['one.txt', 'The white whale swam slowly round the ship'],
      ['shelf/two.txt', 'The captain stood on the deck all night'],
    ]);
    expect(loaded).toMatchObject({ name: 'books', removed: [] });
  });

  it('.txt.xz and .txt.gz are one text', async () => {
    expect(texts(await loadSource(write('one.txt.xz', xz(ONE_XZ))))).toEqual([['one.txt', 'The white whale swam slowly round the ship']]);
    expect(texts(await loadSource(write('two.txt.gz', gzipSync('Another.'))))).toEqual([['two.txt', 'Another']]);
  });

  it('several of them by a pattern', async () => {
    write('x1.tar.gz', gzipSync(await tar({ 'a.txt': 'First.' })));
    write('x2.tar.xz', xz(SHELF_XZ));
    for (const source of [join(folder, 'x*.tar.*'), join(folder, '{x1.tar.gz,x2.tar.xz}')])
      expect(texts(await loadSource(source)).map(([id]) => id)).toEqual(['a.txt', 'one.txt', 'shelf/two.txt']);
  });
});

describe('an archive that is not honest', () => {
  it('keeps its files whose names lead out of it to itself', async () => {
    const names = { '../up.txt': 'Up.', '/etc/root.txt': 'Root.', 'a/../../b.txt': 'B.', 'good.txt': 'Good.' };
    const sample = 'its name leads out of the archive; mdiff does not read it';
    for (const bytes of [await tar(names), zip(names)]) {
      const { documents, removed } = await loadSource(write('tricks', bytes));
      expect(documents.map(({ id }) => id)).toEqual(['good.txt']);
      expect(removed).toHaveLength(3);
      for (const removal of removed) expect(removal).toMatchObject({ what: 'unreadable file', sample });
    }
  });

  it.each([
    ['gz', () => gzipSync(new Uint8Array(3_000_000), { level: 9 })],
    ['xz', () => xz(BOMB_XZ)],
  ])('that grows too far is refused before it is unpacked whole: %s', async (_, bomb) => {
    await expect(loadSource(write('bomb', bomb()))).rejects.toThrow(
      /; it looks like a bomb \([\d,]+ bytes grow to more than [\d,]+\); unpack it/,
    );
  });

  it('inside another is not opened', async () => {
    const inner = gzipSync(await tar(shelf));
    const { removed } = await loadSource(
      write(
        'outer.tar',
        await packTar([
          { header: { name: 'in.tgz', size: inner.length }, body: inner },
          { header: { name: 'a.txt', size: 4 }, body: 'Yes.' },
        ]),
      ),
    );
    expect(removed).toMatchObject([{ where: 'in.tgz', sample: 'it is an archive (gzip) inside another; unpack it' }]);
  });

  it.each([
    ['gzip cut short', async () => gzipSync(await tar(shelf)).subarray(0, 60), /the packed file is damaged \(gzip: .*\); get it again/],
    ['xz cut short', () => xz(SHELF_XZ).subarray(0, 100), /the packed file is damaged \(xz: .*\); get it again/],
    ['tar cut short', async () => (await tar(shelf)).subarray(0, 1200), /the \.tar archive is damaged \(.*\); get it again/],
    [
      'tar of nothing',
      async () => packTar([{ header: { name: 'a/', size: 0, type: 'directory' } }]),
      /the \.tar archive holds no files; put text into it/,
    ],
  ])('or damaged is one error: %s', async (_, bytes, message) => {
    await expect(loadSource(write('damaged', await bytes()))).rejects.toThrow(message);
  });

  it('reading ends when its signal is aborted', async () => {
    for (const bytes of [gzipSync(await tar(shelf)), await tar(shelf), xz(SHELF_XZ)])
      await expect(loadSource(write('long', bytes), { signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
  });
});
