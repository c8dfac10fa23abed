import { expect, it } from 'vitest';

import { parsePlain } from '../read/plain.js';
import { findFurniture } from './pages.js';

const body = [
  'The first line of a page of text.',
  'And a second that is not alike.',
  'Then a third one comes.',
  'Here is the fourth.',
  'Fifth and last.',
];

it('finds numbers and heads of left and right pages, and leaves text that only looks like them', () => {
  const pages = Array.from({ length: 8 }, (_, p) => [
    p % 2 ? `${p + 10}   MOBY-DICK` : `THE WHALE   ${p + 10}`,
    ...body.map((line) => `${line} ${'abcdefgh'[p]}`),
    '',
    `— ${p} —`,
  ]);
  pages[3]![3] = '1851';
  const found = findFurniture(pages);
  expect(found.filter(({ what }) => what === 'running head')).toEqual(pages.map((_, page) => ({ page, line: 0, what: 'running head' })));
  expect(found.filter(({ what }) => what === 'page number')).toEqual(pages.map((_, page) => ({ page, line: 7, what: 'page number' })));
});

it('leaves a line that comes again on two pages only, or far apart', () => {
  const pages = Array.from({ length: 40 }, (_, p) => [
    p % 15 === 0 ? 'So he said.' : `Line ${'abz'[p % 3]!.repeat(p + 1)}`,
    ...body.map((line) => `${line} ${'k'.repeat(p)}`),
  ]);
  expect(findFurniture(pages)).toEqual([]);
});

it('clears them in plain text where form feeds show the pages, and joins the paragraph they cut', () => {
  const page = (n: number, text: string) => `MOBY-DICK\n\n${text}\n\n${n}\n`;
  const { document, removed } = parsePlain(
    [page(1, 'One paragraph starts on\nthis page and it'), page(2, 'goes on\nhere. Here it ends.'), page(3, 'Another.')].join('\f'),
    'a.txt',
  );
  expect(document.sections[0]!.paragraphs.map(({ text }) => text)).toEqual([
    'One paragraph starts on this page and it goes on here. Here it ends.',
    'Another.',
  ]);
  expect(removed.map(({ from, to, what }) => `${from}-${to} ${what}`)).toEqual([
    '1-1 running head',
    '6-6 page number',
    '7-7 running head',
    '12-12 page number',
    '13-13 running head',
    '17-17 page number',
  ]);
});

it('clears page marks inside lines', () => {
  const { document, removed } = parsePlain('Call me [Pg 1]Ishmael. Some [Pg 2]\nyears ago.\n', 'a.txt');
  expect(document.sections[0]!.paragraphs[0]!.text).toBe('Call me Ishmael. Some years ago.');
  expect(removed).toEqual([{ where: 'a.txt', from: 1, to: 1, what: 'page number', sample: '[Pg 1]' }]);
});

it('cuts a text without line breaks at sentence ends, says so, and loses nothing', () => {
  const sentence = 'The whale went down again. ';
  const { document, notes } = parsePlain(sentence.repeat(4000), 'a.txt');
  const texts = document.sections[0]!.paragraphs.map(({ text }) => text);
  expect(texts.length).toBe(6);
  expect(texts.every((text) => text.length <= 20_000 && text.endsWith('.'))).toBe(true);
  expect(texts.join(' ')).toBe(sentence.repeat(4000).trim());
  expect(notes).toEqual(['the paragraph at line 1 is 107,999 characters long; cut into 6, at sentence ends where it has any']);
  const emoji = parsePlain('🐋'.repeat(15_000), 'a.txt').document.sections[0]!.paragraphs.map(({ text }) => text);
  expect(emoji.map((text) => text.length)).toEqual([20_000, 10_000]);
  expect(
    parsePlain(`a${'🐋'.repeat(15_000)}`, 'a.txt').document.sections[0]!.paragraphs.every(
      ({ text }) => Buffer.from(text).toString() === text,
    ),
  ).toBe(true);
});
