import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { docx, epub, page, pdf } from './fixture.test.util.js';
import { readBytes, type ReadText } from './formats.js';
import { loadSource } from './source.js';

// Books in the notation that their publishers and programs really use: Project Gutenberg's pages, stories from the web, manuscripts, scans, notes.

const read = (data: string | Uint8Array, name: string, format: ReadText['format']) =>
  readBytes(typeof data === 'string' ? Buffer.from(data) : data, name, format);
const outline = ({ document }: Pick<ReadText, 'document'>) =>
  document.sections.map(({ title, paragraphs }) => [title, ...paragraphs.map(({ kind, text }) => `${kind[0]!} ${text}`)]);
const gone = ({ removed }: Pick<ReadText, 'removed'>) => removed.map(({ what, sample }) => `${what}: ${sample}`);

const FERRY =
  'The ferry left the quay a little after six, and the boy who had carried the lamps stood watching it until the smoke was only a stain on the water.';
const LEDGER = 'She had kept the ledger since March. Every candle was in it, and every yard of rope.';
const page1 = (body: string, head = '') =>
  `<!DOCTYPE html><html><head><title>The Lamp Boy</title>${head}</head><body>${body}</body></html>`;

describe("a page of Project Gutenberg's", () => {
  it('loses the words around its title, its title page, a contents table, links back to it and to music, and the note on its edition', async () => {
    const parsed = await read(
      [
        '<html><head><title>The Project Gutenberg eBook of The Lamp Boy, by R. Vane.</title></head><body><pre>*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMP BOY ***</pre>',
        '<div class="transnote"><p>Obvious misprints were mended.</p></div>',
        '<h4>VOL. XII</h4><h1>THE LAMP BOY</h1><h2>BY R. Vane</h2><h6>1822</h6>',
        `<h2>PREFACE</h2><p>${LEDGER}</p>`,
        '<h2>CONTENTS.</h2><table><tr><td colspan="3"><a href="#e1">EPOCH THE FIRST, 1703. THE PILOT.</a></td></tr>',
        '<tr><td>CHAPTER I.</td><td><a href="#c1">The Lamp</a></td><td>1</td></tr><tr><td>II.</td><td><a href="#c2">The Wall, and the Men that built it</a></td><td><a href="#p13">13</a></td></tr></table>',
        ...['I', 'II'].map(
          (number, i) =>
            `<h2 id="c${i + 1}">CHAPTER ${number}.</h2><p><a href="#toc">ToC</a></p><p>${FERRY}</p><p>[<a href="music/${i}.mid">Listen</a>]</p><h3>The Inn</h3><p>${LEDGER}</p>`,
        ),
        '<h2>CHAPTER III.</h2><p><a href="#toc">ToC</a></p><p>He read aloud:</p><h4>Book I, Ch. 5.</h4><p>A lamp.</p><h4>Book I, Ch. 15.</h4><p>A light.</p>',
        '<h2>INDEX.</h2><p>The sign (n) stands for a note, and no sign for a page of the text itself.</p><p>Lamps, <a href="#p1">1</a></p><h3>W</h3><p>Walls and wells.</p><p>of stone, <a href="#p2">2</a>;</p>',
        '</body></html>',
      ].join('\n'),
      'a.html',
      'html',
    );
    expect(parsed.document.title).toBe('The Lamp Boy, by R. Vane');
    expect(outline(parsed)).toEqual([
      ['PREFACE', `p ${LEDGER}`],
      ...['I', 'II'].map((number) => [`CHAPTER ${number}.`, `p ${FERRY}`, 'h The Inn', `p ${LEDGER}`]),
      ['CHAPTER III.', 'p He read aloud:', 'h Book I, Ch. 5.', 'p A lamp.', 'h Book I, Ch. 15.', 'p A light.'],
    ]);
    expect(gone(parsed)).toEqual(
      expect.arrayContaining([
        'transcriber note: Obvious misprints were mended.',
        'navigation: ToC … (3 lines)',
        'illustration: [Listen] … (2 of them)',
        expect.stringMatching(/^contents list: CONTENTS/) as string,
        expect.stringMatching(/^contents list: INDEX/) as string,
      ]),
    );
  });

  it('says a first letter once that a picture shows and the text holds too', async () => {
    const cap = (letter: string, rest: string) =>
      `<div><img src="images/dropcap-${letter}.jpg" alt=""/></div><p class="dropcap">${rest}</p>`;
    const parsed = await read(page1(cap('t', 'The ferry left.') + cap('i', 'It came back.') + cap('n', 'obody saw it.')), 'a.html', 'html');
    expect(outline(parsed)).toEqual([['The Lamp Boy', 'p The ferry left.', 'p It came back.', 'p Nobody saw it.']]);
  });
});

describe('a story from the web', () => {
  it('is read without its site: menus, steps from chapter to chapter, notes of the author, hidden lines, comments, the foot of the page', async () => {
    const steps = '<div><a href="/1">Previous<br>Chapter</a></div><div><a href="/3">Next <br/>Chapter</a></div>';
    const parsed = await read(
      page1(
        `<div role="dialog">We use cookies.</div><main><h1>Chapter 2</h1>${steps}<div class="author-note">Thanks for reading!</div><p>${FERRY}</p>` +
          `<p class="cnX1">Stolen from another site.</p><p class="kept">${LEDGER}</p><table><tr><td><p>Name: Larry</p></td><td><p>Level 3</p></td></tr></table>${steps}` +
          '<div id="comments"><p>Thanks for the chapter!</p></div><blockquote><p>Dear Ann,</p><footer>Your pilot</footer></blockquote></main><footer><p>All rights reserved.</p></footer>',
        '<style>.cnX1{display:none;speak:never} @media print{.kept{display:none}} .kept .menu{display:none}</style>',
      ),
      'a.html',
      'html',
    );
    expect(outline(parsed)).toEqual([['Chapter 2', `p ${FERRY}`, `p ${LEDGER}`, 'p Name: Larry Level 3', 'p Dear Ann,', 'p Your pilot']]);
    expect(gone(parsed)).toEqual([
      'hidden text: Stolen from another site.',
      'navigation: We use cookies.',
      'sidenote: Thanks for reading!',
      'page beside the text: Thanks for the chapter!',
      'navigation: All rights reserved.',
      'navigation: Previous Chapter … (8 lines)',
    ]);
  });

  it('finds the marks of notes in one long line as fast as in short ones', async () => {
    const marks = `<p>${'A word<a href="#n1">1</a> of it, and some more words of a sentence. '.repeat(20_000)}</p>`;
    const began = process.cpuUsage();
    const parsed = await read(page1(marks), 'a.html', 'html');
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(4);
    expect(outline(parsed)[0]!.slice(1).join(' ')).not.toMatch(/\0|word1/);
    expect(gone(parsed)).toEqual(['note mark: 1 … (20000 of them)']);
  });

  it('keeps of the facts around it the headings alone', async () => {
    const chapter = (n: number) =>
      `<div class="meta group"><h2>Chapter ${n}</h2><p>Chapter Summary</p><blockquote><p>He finds the door.</p></blockquote></div><div class="userstuff"><p>${FERRY}</p></div>`;
    const parsed = await read(
      page1(
        '<p><b>The Lamp Boy</b><br/>Posted originally on the <a href="http://a.b">Archive of Our Own</a>.</p><div class="meta"><dl><dt>Rating:</dt><dd>General</dd></dl><h1>The Lamp Boy</h1></div>' +
          chapter(1) +
          chapter(2) +
          '<p>Please <a href="http://a.b">drop by the Archive and comment</a> to let the creator know!</p>',
      ),
      'a.html',
      'html',
    );
    expect(outline(parsed)).toEqual([
      ['Chapter 1', `p ${FERRY}`],
      ['Chapter 2', `p ${FERRY}`],
    ]);
    expect(gone(parsed)).toContain('front matter: Rating: General');
  });
});

it('reads a manuscript of Word: drop caps in their word, changes accepted, and what goes is reported', async () => {
  const run = (text: string) => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`;
  const ns = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
  const body =
    '<w:p><w:pPr><w:framePr w:dropCap="drop" w:lines="3"/></w:pPr><w:r><w:t>T</w:t></w:r></w:p>' +
    `<w:p><w:pPr><w:jc w:val="both"/></w:pPr>${run('he ferry left at ')}<w:del><w:r><w:delText>seven</w:delText></w:r></w:del><w:ins>${run('six')}</w:ins>${run('.')}</w:p>` +
    `<w:p><w:moveFrom>${run('Nobody saw it.')}</w:moveFrom></w:p><w:p>${run('The road was gone.')}</w:p><w:p><w:moveTo>${run('Nobody saw it.')}</w:moveTo></w:p>`;
  const parsed = await read(
    docx(
      [
        ['The Lamp Boy', 'Title'],
        ['Chapter One', 'heading 1'],
      ],
      {
        body,
        more: {
          'word/comments.xml': `<w:comments ${ns}><w:comment w:id="0"><w:p>${run('Sister or wife?')}</w:p></w:comment></w:comments>`,
          'word/header1.xml': `<w:hdr ${ns}><w:p>${run('Vane / LAMP BOY')}</w:p></w:hdr>`,
        },
      },
    ),
    'm.docx',
    'docx',
  );
  expect(parsed.document.title).toBe('The Lamp Boy');
  expect(outline(parsed)).toEqual([['Chapter One', 'p The ferry left at six.', 'p The road was gone.', 'p Nobody saw it.']]);
  expect(gone(parsed)).toEqual(
    expect.arrayContaining(['deleted text: seven Nobody saw it.', 'sidenote: Sister or wife?', 'running head: Vane / LAMP BOY']),
  );
});

describe('a PDF', () => {
  it('that was scanned and recognised is read by lines, though each word stands alone and no line is level', async () => {
    const lines = ['However little known the feelings of such', 'a man may be on his first entering a place,', 'this truth is well fixed.'];
    const words = (text: string, y: number) => {
      let x = 50;
      return text.split(' ').map((word, i) => {
        const piece = { text: word, x, y: y - 0.4 * i };
        x += 6 * word.length + 9;
        return piece;
      });
    };
    const parsed = await read(
      pdf([
        [
          ...words('CHAPTER I.', 560),
          ...lines.flatMap((line, i) => words(line, 530 - 13 * i)),
          ...words('CHAPTER II.', 450),
          ...words('Nobody saw it.', 424),
        ],
      ]),
      's.pdf',
      'pdf',
    );
    expect(outline(parsed)).toEqual([
      ['CHAPTER I.', `p ${lines.join(' ')}`],
      ['CHAPTER II.', 'p Nobody saw it.'],
    ]);
  });

  it('loses a note that goes on at the foot of the next page', async () => {
    const text = (words: string) => page([`${words} of the men of the bay went down to`, 'the wall and stood there in the rain, and some']);
    const note = (lines: readonly string[]) => lines.map((line, i) => ({ text: line, x: 50, y: 120 - 9 * i, size: 7 }));
    const parsed = await read(
      pdf([
        [...text('Some'), ...note(['1 The wall was built in the year 1703, after the great storm, by'])],
        [...text('more'), ...note(['men who had come from the north to do it.', '2 See the ledger.'])],
        [...text('again'), ...note(['(From the church.)'])],
      ]),
      's.pdf',
      'pdf',
    );
    expect(outline(parsed)[0]!.join(' ')).not.toMatch(/storm|from the north|ledger/);
    expect(outline(parsed)[0]!.join(' ')).toContain('From the church');
    expect(gone(parsed).filter((what) => what.startsWith('footnote'))).toEqual([
      expect.stringMatching(/1703.*by$/),
      'footnote: men who had come from the north to do it. 2 See the ledger.',
    ]);
  });

  it('of music, whose lines hold a word at most, is refused', async () => {
    const notes = Array.from({ length: 40 }, (_, i) => ({
      text: ['>', 'lamp', 'way,', '='][i % 4]!,
      x: 50 + 20 * (i % 7),
      y: 580 - 13 * i,
    }));
    await expect(read(pdf([notes]), 's.pdf', 'pdf')).rejects.toThrow(
      /^40 of the 40 lines of the PDF hold one word or none \(is it music, a table or a drawing\?\); choose a file with running text$/,
    );
  });
});

describe('a folder of notes', () => {
  const FILES: Record<string, string> = {
    'Reading.md': `---\ntags: [a]\n---\n# Reading\n\n- [ ] [[Moby-Dick]], see [[Other#Part|my notes]] and ==this==\n\n> [!note] A callout\n> Read slowly.\n\n![[map.png|300]]\n\n%%\nfor nobody\n%%\n\n$$\nx^2\n$$\n\n${LEDGER} ^block-1\n\nIt costs x^2 and a==b. %% no %%\n\n\`\`\`\n[[kept]]\n\`\`\`\n`,
    'daily/1.md': '- buy stamps\n',
    'board.canvas': '{"nodes":[]}',
    'tune.ly': '\\score { c d e }',
    '.obsidian/app.json': '{}',
  };
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mdiff-notes-'));
    for (const [name, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('keeps the words of links and marks; leaves out embedded files, comments, formulas, boards and settings', async () => {
    const { documents, removed } = await loadSource(folder);
    expect(documents.map((document) => outline({ document }))).toEqual([
      [['Reading', 'p Moby-Dick, see my notes and this', 'p A callout Read slowly.', `p ${LEDGER}`, 'p It costs x^2 and a==b.']],
      [['daily/1.md', 'p buy stamps']],
    ]);
    expect(removed.map(({ where, what }) => `${where} ${what}`).sort()).toEqual([
      'Reading.md code block',
      'Reading.md code block',
      'Reading.md front matter',
      'Reading.md hidden text',
      'Reading.md hidden text',
      'Reading.md illustration',
      'Reading.md note mark',
      'board.canvas unreadable file',
      'tune.ly unreadable file',
    ]);
  });
});

describe('odds of every format', () => {
  it('plain text with a doubled carriage return has the paragraphs of one without', async () => {
    const parsed = await read(`CHAPTER I\r\r\n\r\r\n${FERRY}\r\r\n\r\r\n${LEDGER}\r\r\n`, 'a.txt', 'text');
    expect(outline(parsed)).toEqual([['CHAPTER I', `p ${FERRY}`, `p ${LEDGER}`]]);
  });

  it("a publisher's catalogue behind The End goes with it", async () => {
    const book = ['I', 'II'].map((number) => `CHAPTER ${number}\n\n${`${FERRY}\n\n${LEDGER}\n\n`.repeat(4)}`).join('');
    const parsed = await read(`${book}THE END\n\nBOOKS BY THE SAME AUTHOR\n\nThe Wall. 6s. net.\n`, 'a.txt', 'text');
    expect(JSON.stringify(outline(parsed))).not.toMatch(/THE END|6s/);
    expect(gone(parsed)).toEqual([expect.stringMatching(/^end matter: THE END/)]);
  });

  it('a large first letter of a PDF is in its word', async () => {
    const lines = ['HE FERRY left the quay a little after', 'six, and the boy who had carried them'];
    const beside = lines.map((text, i) => ({ text, x: 76, y: 510 - 13 * i }));
    const parsed = await read(
      pdf([[{ text: 'T', x: 50, y: 497, size: 26 }, ...beside, { text: 'stood and watched it go.', x: 50, y: 484 }]]),
      's.pdf',
      'pdf',
    );
    expect(outline(parsed)[0]!.slice(1).join('|')).toMatch(/^p THE FERRY left .* carried them stood and watched it go\.$/);
  });

  it('parts of a Word document that its parser does not know are named', async () => {
    const { notes } = await read(docx([[FERRY]], { body: '<w:p><w:strange/></w:p>' }), 'm.docx', 'docx');
    expect(notes).toEqual(['parts of the Word document were not read: w:strange']);
  });

  it('an EPUB 2 is divided by its list of chapters (NCX) where its markup does not', async () => {
    const point = (n: number, name: string) => `<navPoint><navLabel><text>${name}</text></navLabel><content src="c${n}.xhtml"/></navPoint>`;
    const parsed = await read(
      epub(
        {
          'c1.xhtml': { body: `<p class="t">Luku yksi</p><p>${FERRY}</p>` },
          'c2.xhtml': { body: `<p class="t">Luku kaksi</p><p>${LEDGER}</p>` },
        },
        'A',
        { 'OPS/toc.ncx': `<ncx><navMap>${point(1, 'Luku yksi')}${point(2, 'Luku kaksi')}</navMap></ncx>` },
        '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>',
      ),
      'm.epub',
      'epub',
    );
    expect(outline(parsed)).toEqual([
      ['Luku yksi', `p ${FERRY}`],
      ['Luku kaksi', `p ${LEDGER}`],
    ]);
  });

  it.each([
    ['130,000 line breaks', 'html', page1(`<p>${FERRY}${'<br>'.repeat(130_000)}</p>`)],
    ['120,000 bold letters in one line', 'html', page1(`<p>${'<b>a</b> '.repeat(120_000)}${FERRY}`)],
    ['400 comments before a text', 'text', `${'<!-- a -->'.repeat(400)}\n${FERRY}\n`],
    ['130,000 paragraphs', 'html', page1('<p>a'.repeat(130_000) + `<p>${FERRY}`)],
    ['quotes 5,000 deep', 'markdown', `${'> '.repeat(5000)}${FERRY}\n`],
    ['100,000 equal letters', 'text', `${'a'.repeat(100_000)}\n${FERRY}\n`],
    ['4,000 blanks in a list of contents', 'text', `CONTENTS\n\na${' '.repeat(4000)}x\n\nCHAPTER I\n\n${FERRY}\n`],
  ] as const)('%s take no time and overflow nothing', async (_, format, text) => {
    const began = process.cpuUsage();
    const parsed = await read(text, 'a', format);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(10);
    expect(JSON.stringify(outline(parsed))).toContain('smoke was only a stain');
  });
});
