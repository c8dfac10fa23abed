import { expect, it } from 'vitest';

import { parsePlain } from '../read/plain.js';
import { mendHyphens } from './hyphen.js';

it('reads off the rest of the text whether a hyphen belongs to the word', () => {
  const lines = ['a whale is a sea-', 'fowl, he thought some-', 'thing; sea-fowl and', 'something else'];
  expect(mendHyphens(lines, 'keep')).toBe(2);
  expect(lines).toEqual(['a whale is a', 'sea-fowl, he thought', 'something; sea-fowl and', 'something else']);
});

it('follows the majority where the word occurs nowhere else, and the fallback where nothing decides', () => {
  const typeset = ['an exam-', 'ple of remark-', 'able zeal: a remarkable', 'one'];
  mendHyphens(typeset, 'keep');
  expect(typeset).toEqual(['an', 'example of', 'remarkable zeal: a remarkable', 'one']);
  for (const [fallback, word] of [
    ['join', 'twofold'],
    ['keep', 'two-fold'],
  ] as const) {
    const lines = ['of a two-', 'fold kind'];
    mendHyphens(lines, fallback);
    expect(lines).toEqual(['of a', `${word} kind`]);
  }
});

it('joins at a soft hyphen, and leaves dashes, capitals and lines of one word', () => {
  const lines = ['a har\u00AD', 'pooner--', 'and the North-', 'West; so-', 'so-', 'called'];
  expect(mendHyphens(lines, 'keep')).toBe(2);
  expect(lines).toEqual(['a', 'harpooner--', 'and the North-', 'West;', 'so-so-', 'called']);
});

it('adds a note in the parser of plain text', () => {
  const { document, notes } = parsePlain('It was of a two-\nfold kind, he said.\n', 'a.txt');
  expect(document.sections[0]!.paragraphs[0]!.text).toBe('It was of a two-fold kind, he said.');
  expect(notes).toEqual(['1 word divided at a line end was mended']);
});
