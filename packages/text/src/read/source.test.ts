import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { docx, epub, page, pdf, zip } from './fixture.test.util.js';
import { loadSource, measureSource } from './source.js';

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

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

describe('measureSource', () => {
  it('counts the files that reading takes: none that are hidden, packed ones three times', async () => {
    for (const [name, size] of [
      ['a.txt', 100],
      ['sub/b.txt.gz', 10],
      ['.hidden.txt', 1000],
      ['sub/.cache/c.txt', 1000],
      ['__MACOSX/a.txt', 1000],
    ] as const)
      write(`sized/${name}`, 'x'.repeat(size));
    expect(await measureSource(join(folder, 'sized'))).toBe(130);
    expect(await measureSource(join(folder, 'sized/a.txt'))).toBe(100);
    expect(await measureSource('builtin:moby-dick')).toBe(0);
  });
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
    expect(await loadSource('a.txt', where)).toMatchObject({
      name: 'a',
      documents: [{ id: 'a.txt', sections: [{ paragraphs: [{ text: 'From here.' }] }] }],
    });
  });

  it('reads a folder and its subfolders in name order, and reports the files that it could not read', async () => {
    write('shelf/b.txt', 'Second.');
    write('shelf/a/one.txt', 'First.');
    write('shelf/picture.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47]));
    write('shelf/.hidden.txt', 'Hidden.');
    const { documents, removed, name } = await loadSource(join(folder, 'shelf'));
    expect(name).toBe('shelf');
    expect(documents.map(({ id }) => id)).toEqual([join('a', 'one.txt'), 'b.txt']);
    expect(removed).toEqual([
      {
        where: 'picture.png',
        from: 1,
        to: 1,
        what: 'unreadable file',
        sample: 'it is a PNG picture; run text recognition (OCR) on it and save the text',
      },
    ]);
  });

  it('takes a link to a file as a file, follows none to a folder, and reports one that leads nowhere', async () => {
    write('linked/a.txt', 'First.');
    for (const [name, target] of [
      ['b.txt', write('elsewhere/second.txt', 'Second.')],
      ['round', join(folder, 'linked')],
      ['lost.txt', join(folder, 'nowhere.txt')],
    ] as const)
      symlinkSync(target, join(folder, 'linked', name));
    const { documents, removed } = await loadSource(join(folder, 'linked'));
    expect(documents.map(({ id }) => id)).toEqual(['a.txt', 'b.txt']);
    expect(removed.map(({ where, what }) => [where, what])).toEqual([['lost.txt', 'unreadable file']]);
    expect(await measureSource(join(folder, 'linked'))).toBe('First.'.length + 'Second.'.length);
  });
});

const texts = ({ documents }: Awaited<ReturnType<typeof loadSource>>) =>
  documents.flatMap(({ sections }) => sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)));

describe('builtin:sotu', () => {
  it('has a document for each speech, cut into paragraphs, and no text lost', async () => {
    const { documents, notes } = await loadSource('builtin:sotu');
    expect(documents).toHaveLength(233);
    expect(documents[0]).toMatchObject({ id: '1790_george_washington_n', title: 'George Washington, 1790' });
    expect(documents[0]!.sections[0]!.paragraphs[0]!.text).toMatch(
      /^Fellow-Citizens of the Senate and House of Representatives: In meeting you again/,
    );
    expect(documents.every(({ sections }) => sections.length === 1 && sections[0]!.paragraphs.length > 3)).toBe(true);
    expect(notes).toEqual(['the speeches come without paragraphs; 5 sentences make one']);
  });
});

describe('every format, by content', () => {
  // Each file's ending lies or is missing; its content decides.
  const files = (): [name: string, data: string | Uint8Array, format: string][] => [
    ['a.txt', epub({ 'c.xhtml': { body: '<p>From a page.</p>' } }), 'epub'],
    ['b.epub', docx([['From Word.']]), 'docx'],
    ['c', pdf([page(['From a PDF.'])]), 'pdf'],
    ['d.txt', '\n<!DOCTYPE html>\n<p>From a site.</p>', 'html'],
    ['e.md', 'From *Markdown*.', 'markdown'],
    ['f.epub', 'From plain text.', 'text'],
  ];

  it('in a folder, each its own document; files that cannot be read are reported', async () => {
    for (const [name, data] of files()) write(join('mixed', name), data);
    write('mixed/g.epub', PNG);
    const loaded = await loadSource(join(folder, 'mixed'));
    expect(loaded.files.map(({ where, format }) => [where, format])).toEqual(files().map(([name, , format]) => [name, format]));
    expect(texts(loaded)).toEqual(['From a page.', 'From Word.', 'From a PDF.', 'From a site.', 'From Markdown.', 'From plain text.']);
    expect(loaded.removed).toMatchObject([{ where: 'g.epub', what: 'unreadable file' }]);
  });

  it('in a ZIP archive, a glob and standard input', async () => {
    const archive = zip({
      ...Object.fromEntries(files().map(([name, data]) => [`books/${name}`, data])),
      '__MACOSX/books/._a.txt': 'x',
      'inner.zip': zip({ 'a.txt': 'x' }),
    });
    const zipped = await loadSource(write('books.zip', archive));
    expect(zipped).toMatchObject({
      name: 'books',
      removed: [{ where: 'inner.zip', what: 'unreadable file', sample: 'it is a ZIP archive inside another; unpack it' }],
    });
    expect(zipped.documents.map(({ id }) => id)).toEqual(files().map(([name]) => `books/${name}`));
    for (const [name, data] of files()) write(join('globbed', name), data);
    expect(texts(await loadSource('globbed/*.{txt,md}', { cwd: folder }))).toEqual(['From a page.', 'From a site.', 'From Markdown.']);
    expect(texts(await loadSource(join(folder, 'globbed', 'a*')))).toEqual(['From a page.']);
    const piped = await loadSource('-', { stdin: Readable.from([Buffer.from('From '), Buffer.from('a pipe.')]) });
    expect([piped.name, ...texts(piped)]).toEqual(['stdin', 'From a pipe.']);
  });

  it('with the parser that data.format names', async () => {
    const path = write('marked.txt', '# A heading\n\nSome *emphasis*.');
    expect(texts(await loadSource(path))).toEqual(['# A heading', 'Some *emphasis*.']);
    expect(texts(await loadSource(path, { format: 'markdown' }))).toEqual(['Some emphasis.']);
    await expect(loadSource(path, { format: 'epub' })).rejects.toThrow(/^data\.source: .*; it is no EPUB; set data\.format to auto$/);
  });
});

describe('encodings', () => {
  const text = 'The café’s “naïve” whale — seen.';
  const cp1252 = Buffer.from('The caf\xe9\x92s \x93na\xefve\x94 whale \x97 seen.', 'latin1');
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE with a byte-order mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16BE with a byte-order mark', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['UTF-16LE', Buffer.from(text, 'utf16le')],
    ['UTF-16BE', Buffer.from(text, 'utf16le').swap16()],
    ['Windows-1252', cp1252],
  ])('%s is read and said', async (encoding, bytes) => {
    const loaded = await loadSource(write('encoded.txt', bytes));
    expect(texts(loaded)).toEqual([text]);
    expect(loaded.files).toEqual([{ where: 'encoded.txt', format: 'text', encoding }]);
    expect(loaded.notes).toEqual(
      encoding.startsWith('UTF-8') ? [] : [`encoded.txt: read as ${encoding}; save it as UTF-8 if letters look wrong`],
    );
  });
});

describe('one endless line', () => {
  const sentence = 'The whale went down again, and nobody saw it. ';
  const marks = '*a [b '.repeat(500_000);
  it.each([
    ['plain text', 'endless.txt', sentence.repeat(50_000)],
    ['Markdown', 'endless.md', sentence.repeat(50_000)],
    ['HTML', 'endless.html', `<html><body><p>${sentence.repeat(50_000)}</p></body></html>`],
    ['marks that the parser of Markdown would take for ever on', 'marks.md', marks],
    ['no blank at all', 'solid.txt', 'a'.repeat(2_000_000)],
  ])('of %s is cut, said and kept whole', async (_, name, data) => {
    const loaded = await loadSource(write(name, data));
    expect(loaded.notes.at(-1)).toMatch(
      /: the paragraph at line 1 is [\d,]+ characters long; cut into [\d,]+, at sentence ends where it has any$/,
    );
    const pieces = texts(loaded);
    expect(pieces.every(({ length }) => length > 0 && length <= 20_000)).toBe(true);
    const bare = (text: string) => text.replace(/<[^>]*>|\s/g, '');
    expect(bare(pieces.join('')) === bare(data)).toBe(true);
  });
});

describe('bad input is one line with a code', () => {
  const cases: [name: string, source: () => string, message: RegExp][] = [
    [
      'a missing file',
      () => 'nowhere.txt',
      /^data\.source: expected a readable text, got "nowhere\.txt"; nothing at .*nowhere\.txt or .*nowhere\.txt$/,
    ],
    ['an empty file', () => write('empty.txt', ''), /; the file is empty$/],
    ['blank lines only', () => write('blank.txt', ' \n\n'), /only blank lines$/],
    ['zero bytes', () => write('zero.txt', 'abc\0def'), /binary \(a zero byte at offset 3\)/],
    ['a ZIP', () => write('book.epub', 'PK\x03\x04rest'), /; the ZIP archive is damaged \(invalid zip data\); get it again$/],
    [
      'UTF-16 with half a character',
      () => write('wide.txt', Buffer.from('\ufeffab\n\ud83dcd', 'utf16le')),
      /half a character \(a lone surrogate\) in line 2/,
    ],
    ['UTF-16 cut short', () => write('short.txt', Buffer.from('\ufeffabcd', 'utf16le').subarray(0, 7)), /cut in the middle/],
    [
      'a surrogate in UTF-8',
      () => write('cesu.txt', Buffer.from([0x61, 0xed, 0xa0, 0xbd, 0x62])),
      /half a character \(a lone surrogate\) in line 1; remove it/,
    ],
    [
      'a surrogate among curly quotes',
      () => write('quoted.txt', Buffer.concat([Buffer.from('\ufeff“One.”\n“Two.”\n'), Buffer.from([0x61, 0xed, 0xb0, 0x80])])),
      /half a character \(a lone surrogate\) in line 3/,
    ],
    [
      'Cyrillic in one byte a letter',
      () => write('cp1251.txt', Buffer.from('\xcc\xee\xe9 \xe4\xff\xe4\xff \xf1\xe0\xec\xfb\xf5', 'latin1')),
      /not UTF-8 .* nor Windows-1252 \(100 % of its letters would be accented\)/,
    ],
    [
      'bytes of no encoding',
      () => write('odd.txt', Buffer.from('A caf\x81 at the sea.', 'latin1')),
      /not UTF-8 .* nor Windows-1252 \(byte 0x81 at offset 5 means nothing there\)/,
    ],
    [
      'UTF-8 with a damaged end',
      () => write('latin.txt', Buffer.concat([Buffer.from('é \ufffd '), Buffer.from([0xe9, 0x74, 0xe9])])),
      /not UTF-8 \(byte 0xe9 at offset 7, line 1\)/,
    ],
    ['a sequence cut short', () => write('cut.txt', Buffer.from('ab漢').subarray(0, 4)), /byte 0xe6 at offset 2, line 1/],
    ['a picture named .epub', () => write('picture.epub', PNG), /it is a PNG picture; run text recognition/],
    ['a TIFF picture named .epub', () => write('scan.epub', 'II*\0\x08\0\0\0'), /it is a TIFF picture/],
    [
      'a page that closes nothing',
      () => write('open.html', `<html>\n${'<b>'.repeat(30_000)}x`),
      /it opens 20,000 tags, by line 2 of open\.html, and closes none of them; repair it/,
    ],
    [
      'an old Word document',
      () => write('old.doc', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1])),
      /old Word document \(\.doc\); save it as \.docx/,
    ],
    [
      'an OpenDocument text',
      () => write('a.odt', zip({ mimetype: 'application/vnd.oasis.opendocument.text', 'content.xml': '<x/>' })),
      /OpenDocument text; save it as \.docx/,
    ],
    ['a PDF with a password', () => write('locked.pdf', pdf([page(['x'])], { locked: true })), /protected by a password/],
    [
      'a ZIP bomb',
      () => write('bomb.zip', zip({ 'a.txt': new Uint8Array(5_000_000) })),
      /looks like a bomb \(a\.txt grows from [\d,]+ to 5,000,000 bytes\); unpack it/,
    ],
    [
      'a ZIP that holds a ZIP',
      () => write('outer.zip', zip({ 'b.zip': zip({ 'a.txt': 'x' }) })),
      /got ".*outer\.zip"; none of the 1 files of the archive can be read \(b\.zip: it is a ZIP archive inside another\)/,
    ],
    ['an EPUB that is a bomb', () => write('bomb.epub', epub({ 'c.xhtml': { body: ' '.repeat(5_000_000) } })), /looks like a bomb/],
    ['a ZIP whose sizes lie', () => write('liar.zip', liar()), /damaged \(the checksum of a\.txt does not match\)/],
    ['a ZIP with a password', () => write('locked.zip', locked()), /protected by a password; unpack it/],
    [
      'a ZIP without text',
      () => write('pictures.zip', zip({ 'a.png': PNG })),
      /none of the 1 files of the archive can be read \(a\.png: it is a PNG picture\)/,
    ],
    ['a pattern that matches nothing', () => 'nothing/*.txt', /nothing matches it under/],
    [
      'a licence alone',
      () => write('only.txt', '*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nX\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n'),
      /no text is left/,
    ],
    ['an empty folder', () => join(write('hollow/x/keep', 'x'), '..', '..', 'none'), /nothing at/],
    [
      'a folder without text',
      () => join(write('pictures/a.png', '\x89PNG\0'), '..'),
      /none of the 1 files of the folder can be read \(a\.png: .*\); put \.txt, \.md, .* files into it$/,
    ],
    ['an unknown builtin', () => 'builtin:ulysses', /the texts that come with mdiff are builtin:moby-dick, builtin:sotu$/],
  ];
  /** The directory states fewer bytes than there are: a reader that trusts it would lose the rest. */
  function liar(): Uint8Array {
    const bytes = Buffer.from(zip({ 'a.txt': 'word '.repeat(1000) }));
    bytes.writeUInt32LE(100, bytes.indexOf('PK\x01\x02', 'latin1') + 24);
    return bytes;
  }
  function locked(): Uint8Array {
    const bytes = Buffer.from(zip({ 'a.txt': 'word '.repeat(10) }));
    const entry = bytes.indexOf('PK\x01\x02', 'latin1');
    bytes.writeUInt16LE(bytes.readUInt16LE(entry + 8) | 1, entry + 8);
    return bytes;
  }
  it.each(cases)('%s', async (_, source, message) => {
    const error = await loadSource(source(), { cwd: folder }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'MDIFF_TEXT', exitCode: 2, message: expect.stringMatching(message) as string });
    expect((error as Error).message).not.toContain('\n');
  });
});
