import { expect, it } from 'vitest';
import { paragraphsOf } from './blocks.js';
import { parsePlain } from './plain.js';

const texts = (source: string): string[] => paragraphsOf(source).map(({ text }) => text);

it('joins wrapped lines and parts paragraphs at blank lines, of any kind of line break', () => {
  expect(texts('Call me Ishmael. Some\r\nyears ago.\r\n\r\n\t\r\nIt is  _a_ way.\n')).toEqual([
    'Call me Ishmael. Some years ago.',
    'It is a way.',
  ]);
  expect(texts('\uFEFFone\rtwo\r\rthree')).toEqual(['one two', 'three']);
  expect(texts(' \n \n')).toEqual([]);
  expect(texts('')).toEqual([]);
});

it('keeps what a book would lose: headings, and lines in capitals', () => {
  expect(texts('CHAPTER 1\n\nLOOMINGS')).toEqual(['CHAPTER 1', 'LOOMINGS']);
  expect(texts('I')).toEqual(['I']);
});

it('keeps the line breaks of verse', () => {
  const verse =
    'The ribs and terrors in the whale,\nArched over me a dismal gloom,\nWhile all God’s sun-lit waves rolled by,\nAnd lift me deepening down to doom.';
  expect(paragraphsOf(verse)).toEqual([{ text: verse, kind: 'verse' }]);
});

it('reads the running text of a book as parsePlain does', () => {
  const line = 'It was a bright cold day in the harbour and the ships were leaving one by one, ';
  const book = `${line}\n${line}\nto the sea.\n\n${line}\n${line}`;
  expect(texts(book)).toEqual(parsePlain(book, 'book').document.sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)));
  const long = `${line.repeat(3)}\n${line.repeat(2)}`;
  expect(texts(long)).toEqual(parsePlain(long, 'book').document.sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)));
});
