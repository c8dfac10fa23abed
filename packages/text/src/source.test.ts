import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadSource } from './source.js';

let folder: string;
const write = (name: string, data: string | Uint8Array) => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, data);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdiff-text-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('builtin:moby-dick', () => {
  it('has the 135 chapters and the epilogue, once', async () => {
    const { documents, removed, name } = await loadSource('builtin:moby-dick');
    expect(name).toBe('moby-dick');
    expect(documents).toHaveLength(1);
    const { sections } = documents[0]!;
    expect(sections).toHaveLength(136);
    expect(sections[0]!.title).toBe('Chapter 1. Loomings.');
    expect(sections[0]!.paragraphs[0]!.text).toMatch(/^Call me Ishmael\. Some years ago/);
    expect(sections[135]!.paragraphs[0]!.text).toMatch(/^The drama's done\./);
    const texts = sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)).filter((text) => text.length > 100);
    expect(new Set(texts).size).toBe(texts.length);
    expect(removed.map(({ where }) => where)).toEqual(['contents.txt', 'etymology.txt', 'extracts.txt']);
    expect(sections[8]!.paragraphs.filter(({ kind }) => kind === 'verse')[0]!.text).toBe(
      '"The ribs and terrors in the whale,\nArched over me a dismal gloom,\nWhile all God\'s sun-lit waves rolled by,\nAnd lift me deepening down to doom.',
    );
  });
});

describe('files and folders', () => {
  it('finds a relative path under the current directory first, then under the data folder', async () => {
    write('cwd/data/a.txt', 'From data.');
    const where = { cwd: join(folder, 'cwd'), dataDir: 'data' };
    expect((await loadSource('a.txt', where)).documents[0]!.sections[0]!.paragraphs[0]!.text).toBe('From data.');
    write('cwd/a.txt', 'From here.');
    expect(await loadSource('a.txt', where)).toMatchObject({ name: 'a', documents: [{ id: 'a.txt', sections: [{ paragraphs: [{ text: 'From here.' }] }] }] });
  });

  it('reads a folder in name order, below too, and reports what it could not read', async () => {
    write('shelf/b.txt', 'Second.');
    write('shelf/a/one.txt', 'First.');
    write('shelf/picture.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47]));
    write('shelf/.hidden.txt', 'Hidden.');
    const { documents, removed, name } = await loadSource(join(folder, 'shelf'));
    expect(name).toBe('shelf');
    expect(documents.map(({ id }) => id)).toEqual([join('a', 'one.txt'), 'b.txt']);
    expect(removed).toEqual([{ where: 'picture.png', from: 1, to: 1, what: 'unreadable file', sample: 'it is a PNG picture; run text recognition (OCR) on it and save the text' }]);
  });
});

describe('bad input is one line with a code', () => {
  const cases: [name: string, source: () => string, message: RegExp][] = [
    ['a missing file', () => 'nowhere.txt', /^data\.source: expected a readable text, got "nowhere\.txt"; nothing at .*nowhere\.txt or .*nowhere\.txt$/],
    ['an empty file', () => write('empty.txt', ''), /; the file is empty$/],
    ['blank lines only', () => write('blank.txt', ' \n\n'), /only blank lines$/],
    ['zero bytes', () => write('zero.txt', 'abc\0def'), /binary \(a zero byte at offset 3\)/],
    ['a ZIP', () => write('book.epub', 'PK\x03\x04rest'), /; the ZIP archive is damaged \(invalid zip data\); get it again$/],
    ['UTF-16 with half a character', () => write('wide.txt', Buffer.from('\ufeffab\n\ud83dcd', 'utf16le')), /half a character \(a lone surrogate\) in line 2/],
    ['UTF-16 cut short', () => write('short.txt', Buffer.from('\ufeffabcd', 'utf16le').subarray(0, 7)), /cut in the middle/],
    ['a surrogate in UTF-8', () => write('cesu.txt', Buffer.from([0x61, 0xed, 0xa0, 0xbd, 0x62])), /a lone surrogate, at offset 1/],
    ['Cyrillic in one byte a letter', () => write('cp1251.txt', Buffer.from('\xcc\xee\xe9 \xe4\xff\xe4\xff \xf1\xe0\xec\xfb\xf5', 'latin1')), /not UTF-8 .* nor Windows-1252 \(100 % of its letters would be accented\)/],
    ['bytes of no encoding', () => write('odd.txt', Buffer.from('A caf\x81 at the sea.', 'latin1')), /not UTF-8 .* nor Windows-1252 \(byte 0x81 at offset 5 means nothing there\)/],
    ['UTF-8 with a damaged end', () => write('latin.txt', Buffer.concat([Buffer.from('é \ufffd '), Buffer.from([0xe9, 0x74, 0xe9])])), /not UTF-8 \(byte 0xe9 at offset 7\)/],
    ['a sequence cut short', () => write('cut.txt', Buffer.from('ab漢').subarray(0, 4)), /byte 0xe6 at offset 2/],
    ['a licence alone', () => write('only.txt', '*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nX\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n'), /no text is left/],
    ['an empty folder', () => join(write('hollow/x/keep', 'x'), '..', '..', 'none'), /nothing at/],
    ['a folder without text', () => join(write('pictures/a.png', '\x89PNG\0'), '..'), /none of the 1 files of the folder can be read \(a\.png: .*\); put \.txt, \.md, .* files into it$/],
    ['an unknown builtin', () => 'builtin:ulysses', /the texts that come with mdiff are builtin:moby-dick, builtin:sotu$/],
  ];
  it.each(cases)('%s', async (_, source, message) => {
    const error = await loadSource(source(), { cwd: folder }).then(() => undefined, (reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MDIFF_TEXT', exitCode: 2, message: expect.stringMatching(message) as string });
    expect((error as Error).message).not.toContain('\n');
  });
});
