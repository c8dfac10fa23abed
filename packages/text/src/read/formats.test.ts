import { describe, expect, it } from 'vitest';

import { TextError } from '../error.js';
import { parseEpub } from './epub.js';
import { docx, epub, page, pdf, zip } from './fixture.test.util.js';
import { readBytes, type ReadText } from './formats.js';

const read = (data: string | Uint8Array, name: string, format: ReadText['format']) =>
  readBytes(typeof data === 'string' ? Buffer.from(data) : data, name, format);
const outline = ({ document }: ReadText) =>
  document.sections.map(({ title, paragraphs }) => [title, ...paragraphs.map(({ kind, text }) => `${kind[0]!} ${text}`)]);
const removals = ({ removed }: ReadText) => removed.map(({ where, from, to, what }) => `${where}:${from}-${to} ${what}`);

// Excerpts: Herman Melville, Moby-Dick (1851), chapters 1, 2 and 9; public domain.
const ISHMAEL =
  'Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, I thought I would sail about a little.';
const BAG = 'I stuffed a shirt or two into my old carpet-bag, tucked it under my arm, and started for Cape Horn and the Pacific.';
const HYMN = [
  'The ribs and terrors in the whale,',
  'Arched over me a dismal gloom,',
  'While all God’s sun-lit waves rolled by,',
  'And lift me deepening down to doom.',
];

describe('HTML', () => {
  it('keeps chapters, paragraphs and verse; leaves out scripts, page numbers, note marks, captions and lists of links', async () => {
    const parsed = await read(
      [
        '<!DOCTYPE html><html><head><title>Moby&#8209;Dick</title><style>p { margin: 0 }</style></head><body>',
        '<h1>MOBY-DICK</h1>',
        '<h2>Contents</h2>',
        '<p><a href="#c1">Loomings</a></p><p><a href="#c2">The Carpet-Bag</a></p><p><a href="#c9">The Sermon</a></p>',
        '<h2 id="c1">CHAPTER 1.<br/>Loomings.</h2>',
        `<p>Call me Ish&shy;mael.<span class="pagenum">[Pg 1]</span> Some years<sup><a href="#n1">1</a></sup> ago`,
        '   there &amp; then&nbsp;passed.</p>',
        '<script>var x = "<p>no</p>";</script>',
        '<div class="figcenter"><img src="a.png" alt="A whale"/><p class="caption">The whale</p></div>',
        `<h2 id="c2">CHAPTER 2. The Carpet-Bag.</h2><p>${BAG}<p>An unclosed paragraph.`,
        '<h2>CHAPTER 9. The Sermon.</h2><div class="poem"><div class="stanza">',
        ...HYMN.map((line) => `<div class="verse">${line}</div>`),
        '</div><div class="stanza"><span>I saw the opening maw of hell,<br/></span><span>With endless pains and sorrows there;</span></div></div></body></html>',
      ].join('\n'),
      'a.html',
      'html',
    );
    expect(parsed.document.title).toBe('Moby‑Dick');
    expect(outline(parsed)).toEqual([
      ['CHAPTER 1. Loomings.', 'p Call me Ishmael. Some years ago there & then passed.'],
      ['CHAPTER 2. The Carpet-Bag.', `p ${BAG}`, 'p An unclosed paragraph.'],
      ['CHAPTER 9. The Sermon.', `v ${HYMN.join('\n')}`, 'v I saw the opening maw of hell,\nWith endless pains and sorrows there;'],
    ]);
    expect(removals(parsed)).toEqual([
      'a.html:2-2 heading without text',
      'a.html:3-4 contents list',
      'a.html:6-6 page number',
      'a.html:6-6 note mark',
      'a.html:9-9 illustration',
    ]);
  });

  it('removes the frame of Project Gutenberg and its title page', async () => {
    const parsed = await read(
      `<html><body><pre>The Project Gutenberg EBook of Moby Dick\n\nTitle: Moby Dick\n\n*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***\n\n\nProduced by A Volunteer</pre>
<h1>MOBY DICK</h1><p>by Herman Melville</p><h2>LOOMINGS</h2><p>${ISHMAEL}</p>
<pre>End of the Project Gutenberg EBook of Moby Dick\n\nSection 1. General Terms</pre></body></html>`,
      'pg.html',
      'html',
    );
    expect(outline(parsed)).toEqual([['LOOMINGS', `p ${ISHMAEL}`]]);
    expect(parsed.removed.map(({ what }) => what)).toEqual([
      'Gutenberg header',
      'producer note',
      'title page',
      'title page',
      'Gutenberg licence',
    ]);
  });

  it('takes long lines that only breaks divide for paragraphs, and drops the rule between them', async () => {
    const parsed = await read(`<h1>Loomings</h1><div>${ISHMAEL}<br>\n${BAG}</div><p>＊＊＊</p><p>${BAG}</p>`, 'a.html', 'html');
    expect(outline(parsed)).toEqual([['Loomings', `p ${ISHMAEL}`, `p ${BAG}`, `p ${BAG}`]]);
  });

  it('reads the encoding that the page names', async () => {
    const body = '<html><head><meta charset="windows-1251"></head><body><p>\xcf\xf0\xe8\xe2\xe5\xf2</p></body></html>';
    const parsed = await read(Buffer.from(body, 'latin1'), 'a.html', 'html');
    expect(outline(parsed)[0]).toContain('p Привет');
    expect(parsed.encoding).toBe('windows-1251, as the file says');
  });

  it('keeps preformatted paragraphs, and finds chapters by their words where no heading is marked up', async () => {
    const parsed = await read('<body><pre>CHAPTER I\n\nOne line,\nand another.\n\n\nCHAPTER II\n\nMore.</pre></body>', 'a.html', 'html');
    expect(outline(parsed)).toEqual([
      ['CHAPTER I', 'p One line, and another.'],
      ['CHAPTER II', 'p More.'],
    ]);
  });
});

describe('EPUB', () => {
  const book = {
    'cover.xhtml': { body: '<p>Cover</p>', item: 'properties="svg cover-image"' },
    'title page.xhtml': { body: '<section epub:type="titlepage"><h1>MOBY-DICK</h1><p>by Herman Melville</p></section>' },
    'nav.xhtml': { body: '<nav epub:type="toc"><ol><li><a href="c1.xhtml">Loomings</a></li></ol></nav>', item: 'properties="nav"' },
    'c1.xhtml': { body: `<h2>Loomings</h2>\n<p>${ISHMAEL}</p>\n<p>A note.<a epub:type="noteref" href="n.xhtml#n1">1</a></p>` },
    'c1b.xhtml': { body: '<p>A second file of the same chapter.<a id="x"/></p>' },
    'c2.xhtml': { body: `<h2>The Carpet-Bag</h2>\n<span epub:type="pagebreak">7</span><p>${BAG}</p>` },
  };

  it('reads the spine in order; leaves out cover, contents and title page', async () => {
    const parsed = await read(epub(book, 'Moby-Dick &amp; more'), 'm.epub', 'epub');
    expect(parsed.document).toMatchObject({ id: 'm.epub', title: 'Moby-Dick & more' });
    expect(outline(parsed).slice(-2)).toEqual([
      ['Loomings', `p ${ISHMAEL}`, 'p A note.', 'p A second file of the same chapter.'],
      ['The Carpet-Bag', `p ${BAG}`],
    ]);
    expect(removals(parsed)).toEqual([
      'm.epub/OPS/cover.xhtml:1-7 front matter',
      'm.epub/OPS/title page.xhtml:5-5 front matter',
      'm.epub/OPS/nav.xhtml:1-7 contents list',
      'm.epub/OPS/c1.xhtml:7-7 note mark',
      'm.epub/OPS/c2.xhtml:6-6 page number',
    ]);
  });

  it('knows front pages by their names, and files whose names hold a percent sign', async () => {
    const parsed = await read(
      epub({
        'title.xhtml': { body: '<h1>MOBY-DICK</h1><p>by Herman Melville</p>' },
        'c1.xhtml': { body: `<h2>Loomings</h2><p>${ISHMAEL}</p>` },
      }),
      'm.epub',
      'epub',
    );
    expect(outline(parsed)).toEqual([['Loomings', `p ${ISHMAEL}`]]);
    expect(removals(parsed)).toEqual(['m.epub/OPS/title.xhtml:1-7 front matter']);
    const odd = {
      'META-INF/container.xml': '<container><rootfile full-path="a.opf"/></container>',
      'a.opf':
        '<package><manifest><item id="c" href="100%.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>',
      '100%.xhtml': `<p>${BAG}</p>`,
    };
    expect(outline(await read(zip(odd), 'odd.epub', 'epub'))).toEqual([['odd.epub', `p ${BAG}`]]);
  });

  it('divides a book by its own list of chapters where its markup does not', async () => {
    const chapter = (number: string) => `<p class="c">${number}</p><p>${ISHMAEL}</p><p>${BAG}</p>`;
    const list = '<nav epub:type="toc"><ol><li><a href="c1.xhtml">Luku yksi</a></li><li><a href="c2.xhtml">Luku kaksi</a></li></ol></nav>';
    const parsed = await read(
      epub({
        'nav.xhtml': { body: list, item: 'properties="nav"' },
        'c1.xhtml': { body: chapter('Luku yksi') },
        'c2.xhtml': { body: chapter('').replace('<p class="c"></p>', '') },
      }),
      'm.epub',
      'epub',
    );
    expect(outline(parsed)).toEqual([
      ['Luku yksi', `p ${ISHMAEL}`, `p ${BAG}`],
      ['Luku kaksi', `p ${ISHMAEL}`, `p ${BAG}`],
    ]);
  });

  it('names the fault of a book that is locked, broken, or no book', async () => {
    const lock = (algorithm: string) => ({
      'META-INF/encryption.xml': `<encryption><EncryptedData><EncryptionMethod Algorithm="${algorithm}"/></EncryptedData></encryption>`,
    });
    const message = (data: Uint8Array) =>
      parseEpub(data, 'm.epub').then(
        () => '',
        (error: Error) => (error instanceof TextError ? error.message : String(error)),
      );
    expect(await message(epub(book, '', lock('http://www.w3.org/2001/04/xmlenc#aes128-cbc')))).toMatch(
      /^the EPUB is locked \(digital rights management\)/,
    );
    expect(await message(epub(book, '', lock('http://www.idpf.org/2008/embedding')))).toBe('');
    expect(await message(zip({ 'a.txt': 'x' }))).toMatch(/^the EPUB lacks META-INF\/container\.xml/);
    expect(await message(epub({}))).toMatch(/names no pages with text/);
    expect(await message(zip({ 'META-INF/container.xml': '<container><rootfile full-path="gone.opf"/></container>' }))).toMatch(
      /lacks its package document gone\.opf/,
    );
  });
});

describe('DOCX', () => {
  it('keeps headings, paragraphs and lines broken on purpose', async () => {
    const parsed = await read(
      docx([
        ['Moby-Dick', 'Title'],
        ['CHAPTER 1. Loomings.', 'heading 1'],
        [ISHMAEL],
        ['', undefined],
        [HYMN.join('\n')],
        ['CHAPTER 2. The Carpet-Bag.', 'heading 1'],
        [`${BAG} <&>`],
      ]),
      'm.docx',
      'docx',
    );
    expect(outline(parsed)).toEqual([
      ['CHAPTER 1. Loomings.', `p ${ISHMAEL}`, `v ${HYMN.join('\n')}`],
      ['CHAPTER 2. The Carpet-Bag.', `p ${BAG} <&>`],
    ]);
    expect(removals(parsed)).toEqual(['m.docx:1-1 heading without text']);
  });

  it('says that a damaged document is damaged', async () => {
    await expect(read(zip({ 'word/document.xml': '<w:document' }), 'm.docx', 'docx')).rejects.toThrow(
      /^the Word document is damaged \(.*\); save it again as \.docx$/,
    );
  });
});

describe('Markdown', () => {
  it('keeps the text of marks and of raw HTML; leaves out front matter, pictures and code', async () => {
    const parsed = await read(
      [
        '---',
        'title: "Moby-Dick"',
        'author: Herman Melville',
        '---',
        '',
        '# CHAPTER 1. *Loomings*',
        '',
        'Call me **Ishmael**. Some [years](https://example.org) ago,',
        'never _mind_ how `long`.',
        '',
        '![A whale](whale.png)',
        '',
        '```js',
        'let x = 1;',
        '```',
        '',
        '> A quotation.',
        '',
        '    The ribs and terrors in the whale,',
        '    Arched over me a dismal gloom,',
        '    While all God’s sun-lit waves rolled by,',
        '',
        'CHAPTER 2.',
        '==========',
        '',
        '- one point',
        '- another',
        '',
        '<div>raw</div>',
        '',
      ].join('\n'),
      'm.md',
      'markdown',
    );
    expect(parsed.document.title).toBe('Moby-Dick');
    expect(outline(parsed)).toEqual([
      [
        'CHAPTER 1. Loomings',
        'p Call me Ishmael. Some years ago, never mind how long.',
        'p A quotation.',
        'v The ribs and terrors in the whale,\nArched over me a dismal gloom,\nWhile all God’s sun-lit waves rolled by,',
      ],
      ['CHAPTER 2.', 'p one point', 'p another', 'p raw'],
    ]);
    expect(removals(parsed)).toEqual(['m.md:1-4 front matter', 'm.md:11-11 illustration', 'm.md:13-15 code block']);
  });

  it('mends words divided at line ends, as in plain text', async () => {
    const parsed = await read('On your wedding-\nnight, he said. My wedding-night!\n\n- one\n- two\n', 'm.md', 'markdown');
    expect(outline(parsed)).toEqual([['m.md', 'p On your wedding-night, he said. My wedding-night!', 'p one', 'p two']]);
    expect(parsed.notes).toEqual(['1 word divided at a line end was mended']);
  });

  it('removes a Gutenberg frame too', async () => {
    const parsed = await read(
      `*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n# CHAPTER I\n\n${ISHMAEL}\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\nLicence.\n`,
      'm.md',
      'markdown',
    );
    expect(outline(parsed)).toEqual([['CHAPTER I', `p ${ISHMAEL}`]]);
  });
});

describe('PDF', () => {
  // 53 letters of Courier 10 fill a line of 318 points.
  const first = [
    '  Call me Ishmael. Some years ago—never mind how long',
    'precisely—having little or no money in my purse, and',
    'nothing particular to interest me on shore, I thou-',
    'ght I would sail about a little and see the water.',
    '  It is a way I have.',
    '  Whenever I find myself growing grim about the mouth',
  ];
  const second = [
    'and I thought it a damp, drizzly November, then I',
    'account it high time to get to sea as soon as I can.',
    '  There now is your insular city.',
  ];
  const latin = (line: string) => line.replace(/—/g, '\x97');
  const head = (text: string, number: string) => [
    { text, x: 150, y: 570 },
    { text: number, x: 205, y: 30 },
  ];
  const third = ['  The sea.', '  Another line stands here, and it is full of letters.'];

  it('joins lines, words and pages; removes page numbers and running heads; large letters are headings', async () => {
    const parsed = await read(
      pdf(
        [
          [{ text: 'CHAPTER 1', x: 120, y: 575, size: 18 }, ...page(first.map(latin)), { text: '1', x: 205, y: 30 }],
          [...head('MOBY-DICK', '2'), ...page(second)],
          [...head('MOBY-DICK', '3'), ...page(third)],
          [...head('MOBY-DICK', '4'), { text: 'CHAPTER 2', x: 120, y: 550, size: 18 }, ...page(third, { top: 500 })],
        ],
        { title: 'Moby-Dick' },
      ),
      'm.pdf',
      'pdf',
    );
    expect(parsed.document.title).toBe('Moby-Dick');
    expect(outline(parsed)).toEqual([
      [
        'CHAPTER 1',
        'p Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the water.',
        'p It is a way I have.',
        'p Whenever I find myself growing grim about the mouth and I thought it a damp, drizzly November, then I account it high time to get to sea as soon as I can.',
        'p There now is your insular city.',
        'p The sea.',
        'p Another line stands here, and it is full of letters.',
      ],
      ['CHAPTER 2', 'p The sea.', 'p Another line stands here, and it is full of letters.'],
    ]);
    expect(removals(parsed)).toEqual([
      'm.pdf, page 1:8-8 page number',
      'm.pdf, page 2:1-1 running head',
      'm.pdf, page 2:5-5 page number',
      'm.pdf, page 3:1-1 running head',
      'm.pdf, page 3:4-4 page number',
      'm.pdf, page 4:1-1 running head',
      'm.pdf, page 4:5-5 page number',
    ]);
    expect(parsed.notes).toEqual(['1 word divided at a line end was mended']);
  });

  it('starts a paragraph where the first line of a page is indented, after any end of the page before', async () => {
    const parsed = await read(
      pdf(
        [
          page([...first.slice(4), 'and he said to them, in a severe and lasting tone,']),
          page(['  “Is he here?”', ...third, ...second]),
          page(['  Another.', ...third]),
        ].map((lines) => lines.map((line) => ({ ...line, text: line.text.replace('“', '\x93').replace('”', '\x94') }))),
      ),
      'm.pdf',
      'pdf',
    );
    expect(outline(parsed)[0]!.slice(2, 4)).toEqual([
      'p Whenever I find myself growing grim about the mouth and he said to them, in a severe and lasting tone,',
      'p “Is he here?”',
    ]);
  });

  it.each([
    ['a password', () => pdf([page(['Locked.'])], { locked: true }), /^the PDF is protected by a password; save a copy without one$/],
    ['only pictures', () => pdf([[], []]), /^none of the 2 pages of the PDF holds text .*OCR/],
    ['damage', () => Buffer.from('%PDF-1.4\nnothing follows'), /^the PDF is damaged \(.*\); get it again$/],
    [
      'a page that is none',
      () =>
        Buffer.from(
          Buffer.from(pdf([page(['Whole.']), page(['Torn.'])]))
            .toString('latin1')
            .replace('/Kids [6 0 R 8 0 R]', '/Kids [6 0 R 5 0 R]'),
          'latin1',
        ),
      /^the PDF is damaged \(.*\); get it again$/,
    ],
    ['no PDF at all', () => Buffer.from('plain text'), /^it is no PDF; set data\.format to auto$/],
  ])('%s is one line', async (_, data, message) => {
    await expect(read(data(), 'm.pdf', 'pdf')).rejects.toThrow(message);
  });
});

it('says of any damaged file, in one line, that it is damaged', async () => {
  const files: [name: string, format: ReadText['format'], data: Uint8Array][] = [
    ['m.pdf', 'pdf', pdf([page(['Call me Ishmael.']), page(['Some years ago.'])])],
    ['m.epub', 'epub', epub({ 'c.xhtml': { body: `<p>${BAG}</p>` } })],
    ['m.docx', 'docx', docx([[BAG]])],
  ];
  for (const [name, format, data] of files) {
    for (let i = 0; i < 40; i++) {
      const at = Math.floor((i * data.length) / 40);
      const spoilt = i % 2 ? data.subarray(0, at) : data.map((byte, k) => (k >= at && k < at + 3 ? byte ^ 21 : byte));
      const error = await readBytes(spoilt, name, format).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toMatchObject({ code: 'MDIFF_TEXT', message: expect.not.stringContaining('\n') as string });
    }
  }
});
