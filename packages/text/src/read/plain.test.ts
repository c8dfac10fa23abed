import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parsePlain } from './plain.js';

const book = (name: string) => parsePlain(readFileSync(new URL(`../../fixtures/${name}.txt`, import.meta.url), 'utf8'), `${name}.txt`);
const outline = ({ document }: ReturnType<typeof book>) => document.sections.map(({ title, paragraphs }) => [title, paragraphs.length]);
const all = ({ document }: ReturnType<typeof book>) => document.sections.flatMap(({ paragraphs }) => paragraphs);
const removals = ({ removed }: ReturnType<typeof book>) => removed.map(({ from, to, what }) => `${from}-${to} ${what}`);

describe('three books as Project Gutenberg publishes them', () => {
  it('Frankenstein: header, contents and licence go, letters and chapters stay, verse keeps its lines', () => {
    const parsed = book('frankenstein');
    expect(parsed.document.title).toBe('Frankenstein; Or, The Modern Prometheus');
    expect(outline(parsed).map(([title]) => title)).toEqual(['Letter 1', 'Letter 4', 'Chapter 5']);
    expect(removals(parsed)).toEqual([
      '1-24 Gutenberg header',
      '26-26 title page',
      '28-28 title page',
      '30-30 title page',
      '33-62 contents list',
      '93-93 heading without text',
      '140-153 Gutenberg licence',
    ]);
    expect(all(parsed)[0]).toEqual({ text: 'To Mrs. Saville, England.', kind: 'prose' });
    const verse = all(parsed).filter(({ kind }) => kind === 'verse');
    expect(verse.map(({ text }) => text)).toEqual([
      'Your affectionate brother,\nRobert Walton',
      'Like one who, on a lonely road,\nDoth walk in fear and dread,\nAnd, having once turned round, walks on,\nAnd turns no more his head;\nBecause he knows a frightful fiend\nDoth close behind him tread.',
    ]);
    expect(all(parsed).at(-1)!.text).toMatch(/^He sprang from the cabin-window .* lost in darkness and distance\.$/);
  });

  it('Pride and Prejudice: pictures and their list go, a heading inside a picture stays, italics are unwrapped', () => {
    const parsed = book('pride');
    expect(outline(parsed).map(([title]) => title)).toEqual(['PREFACE.', 'Chapter I.', 'CHAPTER II.']);
    expect(parsed.removed.map(({ what }) => what)).toContain('contents list');
    expect(parsed.document.sections[1]!.paragraphs[0]!.text).toBe(
      'It is a truth universally acknowledged, that a single man in possession of a good fortune must be in want of a wife.',
    );
    const text = all(parsed)
      .map((paragraph) => paragraph.text)
      .join('\n');
    expect(text).not.toMatch(/Illustration|Copyright|CHISWICK|PAGE|Heading to|THE\n? *END|NIND|[_[\]*]/);
    expect(text).toContain('“You want to tell me, and I have no objection to hearing it.”');
    expect(text).toContain('“My dear friend,');
  });

  it('The Adventures of Sherlock Holmes: numbered parts are headings inside a story', () => {
    const parsed = book('sherlock');
    expect(outline(parsed).map(([title]) => title)).toEqual(['I. A SCANDAL IN BOHEMIA', 'II. THE RED-HEADED LEAGUE']);
    expect(
      all(parsed)
        .filter(({ kind }) => kind === 'heading')
        .map(({ text }) => text),
    ).toEqual(['I.', 'II.']);
    const text = all(parsed)
      .map((paragraph) => paragraph.text)
      .join('\n');
    expect(text).toContain('“‘December 22nd. Twenty-four geese at 7s. 6d.’”');
    expect(text).toContain('she is always the woman.');
    // An indented letter is prose.
    expect(all(parsed).find((paragraph) => paragraph.text.startsWith('“MY DEAR MR. SHERLOCK'))?.kind).toBe('prose');
  });

  it('keeps the text of a chapter whose heading follows another, where each line is a paragraph', () => {
    const said = (n: number): string => `This is paragraph ${n} of the book, and it ends here.`;
    const lines = ['CHAPTER I', 'CHAPTER II', 'The Carpet-Bag', ...Array.from({ length: 60 }, (_, i) => said(i))];
    const { document, removed } = parsePlain(lines.join('\n'), 'a.txt');
    expect(document.sections.map(({ title, paragraphs }) => [title, ...paragraphs.map(({ text }) => text)])).toEqual([
      ['CHAPTER II', 'The Carpet-Bag', ...lines.slice(3)],
    ]);
    expect(removed).toEqual([expect.objectContaining({ what: 'heading without text', from: 1, to: 1 })]);
  });

  it('leaves no line of the frame and loses no line of the text', () => {
    for (const name of ['frankenstein', 'pride', 'sherlock']) {
      const lines = readFileSync(new URL(`../../fixtures/${name}.txt`, import.meta.url), 'utf8').split('\n');
      const parsed = book(name);
      const gone = new Set(parsed.removed.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i)));
      const bare = (text: string) => text.replace(/\s|_/g, '');
      const kept = bare(
        parsed.document.sections.flatMap(({ title, paragraphs }) => [title, ...paragraphs.map(({ text }) => text)]).join(''),
      );
      lines.forEach((line, i) => {
        if (!gone.has(i + 1)) expect(kept).toContain(bare(line.replace(/\/\* [A-Z]+ | \*\//g, '')));
      });
      expect(kept).not.toMatch(/gutenberg/i);
    }
  });
});

describe('other plain text', () => {
  const paragraphs = (text: string) => all(parsePlain(text, 'a.txt')).map((paragraph) => paragraph.text);

  it('keeps every paragraph of a file without headings, and takes its name as title', () => {
    const text = 'Call me Ishmael. Some years ago, never mind how long\nprecisely, I thought I would sail about.\n\nIt is a way I have.\n';
    expect(outline(parsePlain(text, 'moby.txt'))).toEqual([['moby.txt', 2]]);
    expect(paragraphs(text)).toEqual([
      'Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about.',
      'It is a way I have.',
    ]);
  });

  it('keeps the lines of a file of poems', () => {
    const poem =
      'Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame thy fearful symmetry?';
    expect(all(parsePlain(`${poem}\n\n${poem}\n`, 'a.txt'))).toEqual([
      { text: poem, kind: 'verse' },
      { text: poem, kind: 'verse' },
    ]);
  });

  it('reads a byte-order mark, CRLF and old Mac line ends alike', () => {
    for (const end of ['\n', '\r\n', '\r'])
      expect(paragraphs(['\uFEFFOne two', 'three.', '', 'Four.'].join(end))).toEqual(['One two three.', 'Four.']);
  });

  it('takes each line of an unwrapped file without blank lines as a paragraph', () => {
    const long = 'This is one paragraph on one line, as word processors write it. '.repeat(4).trim();
    expect(paragraphs([long, long, 'Short.'].join('\n'))).toEqual([long, long, 'Short.']);
  });

  it('tells headings from sentences that begin alike', () => {
    const text =
      'CHAPTER I\n\nLOOMINGS\n\nCall me Ishmael.\n\nChapter 5 was long and she slept.\n\nChapter Two: The Bag\n\nI stuffed a shirt.\n';
    const parsed = parsePlain(text, 'a.txt');
    expect(outline(parsed)).toEqual([
      ['CHAPTER I', 3],
      ['Chapter Two: The Bag', 1],
    ]);
    expect(parsed.document.sections[0]!.paragraphs[0]).toEqual({ text: 'LOOMINGS', kind: 'heading' });
  });

  it('keeps the text before the first heading, and drops headings without text', () => {
    const parsed = parsePlain('A word first.\n\nPART ONE\n\nCHAPTER 1\n\nText.\n', 'a.txt');
    expect(outline(parsed)).toEqual([
      ['a.txt', 1],
      ['CHAPTER 1', 1],
    ]);
    expect(removals(parsed)).toEqual(['3-3 heading without text']);
  });

  it('a dash with spaces around it parts the number of a chapter from its title', () => {
    const text =
      'CHAPTER 1 - A FIRST MORNING\n\nIt was cold.\n\nCHAPTER 2 -THE SECOND\n\nNobody came.\n\nChapter 3 – The Third\n\nIt was found.\n';
    const parsed = parsePlain(`${text}\nChapter 4 - he said - was long.\n`, 'a.txt');
    expect(outline(parsed).map(([title]) => title)).toEqual([
      'CHAPTER 1 - A FIRST MORNING',
      'CHAPTER 2 -THE SECOND',
      'Chapter 3 – The Third',
    ]);
  });

  it('uses lone Roman numerals as chapters when there is nothing better', () => {
    expect(outline(parsePlain('I.\n\nOne.\n\nII.\n\nTwo.\n', 'a.txt'))).toEqual([
      ['I.', 1],
      ['II.', 1],
    ]);
  });

  it('removes older Gutenberg frames, producer and transcriber notes', () => {
    const text = [
      '*** START OF THIS PROJECT GUTENBERG EBOOK A LONG TITLE THAT RUNS',
      'OVER TWO LINES ***',
      '',
      'Produced by A. Volunteer',
      '',
      '[Transcriber’s note: spelling',
      'is as printed.]',
      '',
      'CHAPTER I',
      '',
      'Text.',
      '',
      'End of the Project Gutenberg EBook of A Title',
      '',
      'Licence.',
    ].join('\n');
    const parsed = parsePlain(text, 'a.txt');
    expect(outline(parsed)).toEqual([['CHAPTER I', 1]]);
    expect(removals(parsed)).toEqual(['1-2 Gutenberg header', '4-4 producer note', '6-7 transcriber note', '13-15 Gutenberg licence']);
  });

  it('keeps snake_case, blanks to fill in, and an unclosed picture costs one line', () => {
    expect(paragraphs('Call _the_ snake_case of ____ and 2_s_.')).toEqual(['Call the snake_case of ____ and 2s.']);
    expect(paragraphs('Before.\n\n[Illustration: never closed\n\nAfter.')).toEqual(['Before.', 'After.']);
    expect(paragraphs('Left [Illustration] right.')).toEqual(['Left right.']);
  });
});
