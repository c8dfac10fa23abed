import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { loadSource } from './source.js';

const CASES = fileURLToPath(new URL('../../fixtures/cases', import.meta.url));

const FERRY =
  'p The ferry left the quay a little after six, and the boy who had carried the lamps stood watching it until the smoke was only a stain on the water.';
const NOBODY =
  'p Nobody in Harrow Bay believed that the old pilot would come back; nobody, that is, except his sister, who set a third plate every evening of that long winter.';
const LEDGER =
  'p She had kept the ledger since March. Every candle was in it, every yard of rope, and the names of the men who had paid for neither.';
const THAW =
  'p When the thaw came the road was gone. They walked along the top of the wall instead, one behind the other, and said very little to each other.';
const LETTER =
  'p A letter was waiting at the inn. It was written in green ink on the back of a bill, and it asked for the one thing she could not give.';
const BELLA = 'p “Don’t go to the café,” said Bella — naïvely.';
const TALK = [
  'p "Are you coming?" said the pilot.',
  'p "Not tonight."',
  'p "Why not?"',
  'p "The road is gone, and the wall is wet."',
  'p He looked at the lamp for a long time and did not answer her.',
  'p "Then I go alone."',
  'p "You would not get past the mill."',
  'p She was right; everybody knew it.',
];
const RUSSIAN =
  'p Паром отошёл от пристани в седьмом часу, и мальчик, который нёс фонари, долго смотрел ему вслед. «Он вернётся», — сказала сестра. Никто ей не поверил.';
const SPELLED = 'One Two Three Ten Eleven Twelve Thirteen Fourteen Nineteen Twenty Twenty-One Thirty-Two'.split(' ');

interface Expected {
  /** titles of sections, each with its paragraphs: p prose, v verse, h heading */
  text: string[][];
  /** what was left out, in any order */
  removed?: string[];
  title?: string;
  notes?: RegExp;
}

/** Two chapters as most of the inputs have them. */
const book = (one: string, two: string): string[][] => [
  [one, FERRY, NOBODY],
  [two, NOBODY, LEDGER],
];
const framed: Expected = {
  title: 'The Lamp Boy',
  text: book('CHAPTER I', 'CHAPTER II'),
  removed: ['Gutenberg header', 'Gutenberg licence'],
};

const PLAIN: Record<string, Expected> = {
  'a01-two-gutenberg-books-in-one-file.txt': {
    text: [...book('CHAPTER I', 'CHAPTER II'), ['CHAPTER I', LEDGER, THAW], ['CHAPTER II', THAW, LETTER]],
    removed: ['Gutenberg header', 'Gutenberg licence', 'Gutenberg licence'],
  },
  'a02-small-print-at-the-end.txt': { text: book('CHAPTER I', 'CHAPTER II') },
  'a02b-small-print-at-the-end-no-end-line.txt': { text: book('CHAPTER I', 'CHAPTER II') },
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 7].map((n) => [`a03-end-variant-${n}.txt`, framed])),
  'a03s-start-variant-0.txt': framed,
  'a03s-start-variant-1.txt': framed,
  'a04-chapters-spelled.txt': {
    text: SPELLED.map((number, i) => [
      `Chapter ${number}`,
      [FERRY, NOBODY, LEDGER, THAW, LETTER][[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1][i]!]!,
      [FERRY, NOBODY, LEDGER, THAW, LETTER][[1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2][i]!]!,
    ]),
  },
  'a08-gutenberg-marks.txt': {
    text: [
      [
        'CHAPTER I',
        FERRY,
        "p She had seen the beacon twice that year, and once in a dream; the pilot's log says nothing of it.",
        'p The word pharos was cut above the door, and under it a date. The stair went up in the dark, forty steps and a ladder.',
        LEDGER,
      ],
      ['CHAPTER II', THAW, LETTER],
    ],
    removed: ['footnote', 'footnote', 'footnote', 'sidenote', 'note mark', 'page number', 'rule'],
  },
  'a09-invisible.txt': {
    text: [
      ['CHAPTER I', FERRY, 'p The lighthouse keeper was finished; the final office was a mistake.'],
      ['CHAPTER II', THAW, LETTER],
    ],
  },
  'a10-utf16le-nobom-russian.txt': { text: [['Глава первая', RUSSIAN, RUSSIAN]], notes: /UTF-16LE/ },
  'a10-utf32le.txt': { text: book('CHAPTER I', 'CHAPTER II'), notes: /UTF-32LE with a byte-order mark/ },
  'a11-first-line-indent.txt': {
    text: [
      ['CHAPTER I', FERRY, NOBODY, LEDGER, THAW, LETTER],
      ['CHAPTER II', LETTER, THAW, LEDGER, NOBODY],
    ],
  },
  'a12-line-per-paragraph.txt': {
    text: [
      ['CHAPTER I', ...TALK, ...TALK],
      ['CHAPTER II', ...TALK],
    ],
  },
  'a16-book.fb2': { title: 'The Lamp Boy', text: [['Chapter 1', FERRY, NOBODY]] },
  'a16-tei.xml': { text: [['Chapter 1', FERRY, NOBODY]] },
  'a16-fragment.txt': { text: [['a16-fragment.txt', 'p The ferry left the quay.', 'p Nobody believed it & nobody came.']] },
  'a17-numbered.txt': {
    text: [
      ['1. The Black Boat', FERRY, NOBODY],
      ['2. The Green Letter', NOBODY, LEDGER],
      ['3. The Wall', LEDGER, THAW],
      ['4. The Inn', THAW, LETTER],
    ],
  },
  'a17b-numbers-alone.txt': {
    text: [
      ['1', FERRY, NOBODY],
      ['2', NOBODY, LEDGER],
      ['3', LEDGER, THAW],
      ['4', THAW, LETTER],
    ],
  },
  'a17d-roman-lower-title.txt': {
    text: [
      ['I. The Black Boat', FERRY, NOBODY],
      ['II. The Green Letter', NOBODY, LEDGER],
      ['III. The Wall', LEDGER, THAW],
      ['IV. The Inn', THAW, LETTER],
    ],
  },
  'a20-hyphens.txt': {
    text: [
      [
        'CHAPTER I',
        'p The light-house stood on the rock, and the light-house keeper slept. A well-known man, well-known to all. He said "I cannot." The years 1840-1850 were bad. Anglo-Saxon. It was--no matter. mother-in-law came.',
        NOBODY,
      ],
    ],
  },
  'a24-transcriber-notes.txt': {
    text: [['CHAPTER I', 'p The ferry left the quay a little after six, and the boy who had carried the lamps stood watching it.']],
    removed: ['Gutenberg header', 'transcriber note', 'Gutenberg licence'],
  },
  'a25-chap.txt': {
    text: [
      ['CHAP. I.', 'p The ferry left the quay a little after six, and the boy who had carried the lamps stood watching it.'],
      ['CHAP. II.', 'p Nobody in Harrow Bay believed that the old pilot would come back.'],
      ['CHAP. III. The Wall.', 'p They walked along the top of the wall instead.'],
    ],
  },
  'a26-prose-taken-for-verse.txt': {
    text: [
      [
        'CHAPTER I',
        'p "Are you sure of it?" asked the pilot. "Nobody has told me where the Holt Boat lies, and I have been asking since Monday. I am told in the town that Ruth Vane has it." She said that it lay under the wall behind the Harrow Mill, and that nobody had touched it.',
        'p The boy who had carried the lamps stood watching it until the smoke was only a stain on the water.',
        'p They mismanaged it, he said, and the unhappy boat lay there.',
      ],
      ['CHAPTER II', 'p Nobody in Harrow Bay believed that the old pilot would come back; nobody, that is, except his sister.'],
    ],
  },
};

const HTML: Record<string, Expected> = {
  'b01-ruby.html': { text: [['灯台', 'p 昨日、港で灯を見た。東京から来た人だ。']], removed: ['ruby reading'] },
  'b02-br-br.html': {
    text: [
      ['Chapter 1', FERRY, NOBODY, LEDGER, THAW, LETTER, 'p "Are you coming?"', 'p "Not tonight."'],
      ['Chapter 2', FERRY, NOBODY, LEDGER, THAW, LETTER],
    ],
  },
  'b03-center.html': { text: [['CHAPTER I', FERRY, NOBODY, LEDGER]], removed: ['rule', 'end matter'] },
  'b03b-custom-blocks.html': {
    text: [
      [
        'The Lamp Boy',
        ...['one thing', 'two things', 'THE LAMP', 'After', 'Legend', 'text', 'Search', 'more'].map((text) => `p ${text}`),
        FERRY,
        NOBODY,
        'p Mid',
        'p end',
      ],
    ],
  },
  'b04-head-unclosed.html': { title: 'The Lamp Boy', text: [['The Lamp Boy', FERRY, NOBODY]] },
  'b05-q.html': {
    text: [['Quotes', 'p The pilot said, “I shall not come back.” She answered “You will, ‘by God’, you will.”']],
  },
  'b06-dropcap-image.html': {
    text: [
      ['Chapter 1', 'p The ferry left the quay a little after six.', 'p Nobody believed that he would come back.', 'p They walked on.'],
    ],
    removed: ['illustration'],
  },
  'b08-notes.html': {
    text: [
      [
        'Chapter 1',
        'p The beacon stood on the rock.',
        'p The pilot saw it.',
        'p The boy did not.',
        'p The ledger was shut.',
        'p The rope was paid for.',
        'p The wall was wet.',
        'p The inn was open.',
        'p The letter was green.',
        'p The bill was old. On the 5th of May, 10 m2 of it.',
      ],
    ],
    removed: ['note mark', 'footnote', 'footnote', 'footnote'],
  },
  'b09-xml-utf8-meta-1252.html': { text: [['Café', BELLA, FERRY]], notes: /windows-1252/ },
  'b09b-meta-latin1-is-utf8.html': { text: [['Café', BELLA, FERRY]], notes: /iso-8859-1/ },
  'b09d-meta-in-comment.html': { title: 'Café', text: [['Café', 'p “Don’t go to the café,” said Bella.']] },
  'b09g-meta-utf16-is-utf8.html': { title: 'Café', text: [['Café', 'p “Don’t go to the café,” said Bella.']] },
  'b10-svg-title.html': { title: 'The Lamp Boy', text: [['The Lamp Boy', FERRY]] },
  'b12-script-style.html': { text: [['T', FERRY]] },
  'b14-hidden.html': { text: [['T', FERRY]], removed: ['hidden text'] },
  'b15-title-unclosed.html': { title: 'The Lamp Boy', text: [['The Lamp Boy', FERRY]] },
  'b18-del-ins.html': { text: [['T', 'p The new road was longwinded.']], removed: ['deleted text'] },
  'b23-title-page.html': {
    text: [
      ['CHAPTER I', FERRY],
      ['CHAPTER II', FERRY],
    ],
  },
};

const EPUB: Record<string, Expected> = {
  'c01-percent.epub': {
    text: [...book('Chapter 1', 'Chapter 2'), ['Chapter 3', LEDGER, THAW], ['Chapter 4', THAW, LETTER], ['Chapter 5', LETTER, FERRY]],
  },
  'c01b-nfd-name.epub': { text: book('Chapter 1', 'Chapter 2') },
  'c01c-case.epub': { text: book('Chapter 1', 'Chapter 2') },
  'c02-missing-page.epub': { text: book('Chapter 1', 'Chapter 2'), removed: ['unreadable file'] },
  'c03-linear-no.epub': { text: book('Chapter 1', 'Chapter 2'), removed: ['page beside the text'] },
  'c04-oeb1.epub': { text: book('Chapter 1', 'Chapter 2') },
  'c04b-types.epub': { text: [...book('Chapter 1', 'Chapter 2'), ['Chapter 3', LEDGER, THAW], ['Chapter 4', THAW, LETTER]] },
  'c07-xml-utf8-meta-1252.epub': {
    text: [
      ['Chapter 1', BELLA, FERRY],
      ['Chapter 2', NOBODY, LEDGER],
    ],
    notes: /windows-1252/,
  },
  'c07b-no-decl-meta-latin1.epub': {
    text: [['Chapter 1', 'p “Don’t go to the café,” said Bella.', FERRY]],
    notes: /iso-8859-1/,
  },
  'c10-two-rootfiles.epub': { title: 'The Lamp Boy', text: [['Chapter 1', FERRY, NOBODY]] },
  'c14-footnotes.epub': {
    text: [['Chapter 1', 'p The beacon stood on the rock, and the pilot saw it.', 'p The boy did not see it; he was asleep.']],
    removed: ['note mark', 'footnote', 'footnote'],
  },
  'c18-dropcap-image.epub': { text: [['Chapter 1', 'p The ferry left the quay.', 'p Nobody came.', LEDGER]] },
  'c19-hgroup-title.epub': {
    text: [
      ['I The Black Boat', FERRY],
      ['II The Green Letter', FERRY],
    ],
  },
  'z04-backslash.epub': { text: [['Chapter 1', FERRY, NOBODY]] },
  'z05-folder-in-epub.epub': { text: [['Chapter 1', FERRY, NOBODY]] },
  'z01-gutenberg-h.zip': {
    text: [
      ['Chapter 1', FERRY, NOBODY],
      ['Chapter 2', LEDGER],
      ['About', 'p This repository holds a book. Please read the guide before you contribute.'],
    ],
    removed: Array.from({ length: 6 }, () => 'unreadable file'),
  },
};

const WORD: Record<string, Expected> = {
  'd01-document2.docx': {
    text: [
      ['Chapter 1', FERRY, NOBODY],
      ['Chapter 2', LEDGER, THAW],
    ],
  },
  'd07-odd-runs.docx': {
    text: [
      ['Chapter 1', 'p lighthouse co‑operate after tab after break• smart7港', 'p Inside a content control.', 'p Ann 12'],
      ['Chapter 2', FERRY],
    ],
    removed: ['hidden text', 'ruby reading'],
  },
};

const PDF: Record<string, Expected> = {
  'e01b-two-columns-row-by-row.pdf': { text: [['e01b-two-columns-row-by-row.pdf', FERRY, NOBODY, LEDGER, THAW]] },
  'e02-superscript-and-footnotes.pdf': {
    text: [
      [
        'e02-superscript-and-footnotes.pdf',
        'p The beacon stood on the outer rock until the sea took it, and nobody in the bay could say what year that was or whether the pilot had been on it that night. She had kept the ledger since March, and it was not in it.',
      ],
    ],
    removed: ['note mark', 'footnote'],
  },
  'e03-fake-bold-twice.pdf': { text: [['CHAPTER ONE', FERRY]] },
  'e05-hyphenation.pdf': {
    text: [
      [
        'e05-hyphenation.pdf',
        'p The lighthouse stood on the rock, and the pilot slept. A well-known man and the lighthouse keeper; the Anglo-Saxon book was mother-in-law to nobody. The years 1840-1850 were bad.',
      ],
    ],
  },
  'e11-invisible-and-rotated.pdf': {
    // Nothing shows whether a full line at the foot of a page ends its paragraph.
    text: [['e11-invisible-and-rotated.pdf', `${FERRY} ${NOBODY.slice(2)}`, LEDGER]],
    removed: ['rotated text', 'rotated text', 'rotated text', 'running head', 'running head', 'running head'],
  },
};

const MARKDOWN: Record<string, Expected> = {
  'f01-footnotes.md': {
    text: [
      ['Chapter 1', 'p The beacon stood on the rock, and the pilot saw it.', FERRY, 'p Inline too.'],
      ['Chapter 2', NOBODY],
    ],
    removed: ['note mark', 'note mark', 'footnote', 'footnote', 'footnote'],
  },
  'f02-html-blocks.md': {
    text: [
      [
        'Chapter 1',
        'p The ferry left the quay.',
        'v A lamp, a light,\na night.',
        'p Inside a div with blank lines.',
        'p More',
        'p Hidden details text.',
        'p Soft break and bold and x2 — & café.',
      ],
      ['Chapter 2', NOBODY],
    ],
    removed: ['rule'],
  },
  'f04-gfm.md': {
    text: [
      [
        'Chapter 1',
        'p Name Age',
        'p Ann 12',
        'p Bob 13',
        'p The new road.',
        'p a task',
        'p done',
        'p https://example.org/page and https://example.org and link and end.',
      ],
      ['Chapter 2', NOBODY],
    ],
    removed: ['deleted text', 'illustration'],
  },
  'f05-pandoc.md': {
    title: 'The Lamp Boy',
    text: [
      [
        'Chapter 1',
        'p A lamp is a promise.',
        'p The Black Boat came in --- late --- "as ever"... ``as ever\'\'',
        'v A lamp,\na light,\na night.',
        'p Term Definition of it.',
        'p @smith2000 said so.',
      ],
      ['Chapter 2', NOBODY],
    ],
    removed: ['front matter', 'note mark'],
  },
  'f06-toml-front.md': {
    title: 'The Lamp Boy',
    text: [
      ['Chapter 1', FERRY],
      ['Chapter 2', NOBODY],
    ],
    removed: ['front matter'],
  },
  'f08-soft-hyphen.md': {
    text: [
      ['Chapter 1', 'p The lighthouse and the office and a mistake.'],
      ['Chapter 2', NOBODY],
    ],
  },
  'f11-indented-paragraphs.md': {
    text: [
      ['Chapter 1', FERRY, 'p "Not tonight," she said. Never.'],
      ['Chapter 2', NOBODY],
    ],
  },
  'f12-inline-br.md': {
    text: [
      ['Chapter 1', 'v One line\nand another.\nAnd a third.'],
      ['Chapter 2', FERRY],
    ],
  },
};

const ALL = { ...PLAIN, ...HTML, ...EPUB, ...WORD, ...PDF, ...MARKDOWN };
describe('reading what public reports say breaks', () => {
  it('expects something of each file', () => {
    expect(Object.keys(ALL).sort()).toEqual(readdirSync(CASES).sort());
  });

  for (const [file, { text, removed = [], title, notes }] of Object.entries(ALL)) {
    it(file, async () => {
      const loaded = await loadSource(file, { cwd: CASES });
      const sections = loaded.documents.flatMap((document) => document.sections);
      expect(
        sections.map(({ title: name, paragraphs }) => [name, ...paragraphs.map(({ kind, text: body }) => `${kind[0]!} ${body}`)]),
      ).toEqual(text);
      const kinds = loaded.removed.map(({ what }): string => what);
      for (const kind of new Set(removed)) {
        expect(kinds.filter((what) => what === kind)).toHaveLength(removed.filter((what) => what === kind).length);
      }
      if (title !== undefined) expect(loaded.documents[0]!.title).toBe(title);
      if (notes) expect(loaded.notes.join('\n')).toMatch(notes);
    });
  }
});
