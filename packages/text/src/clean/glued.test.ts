import { describe, expect, it } from 'vitest';

import { clearGlued } from './glued.js';
import type { Lines } from './lines.js';

const cleared = (text: string): Lines => {
  const lines: Lines = { text: text.split('\n'), removed: [], where: 'x' };
  clearGlued(lines);
  return lines;
};

const BOOK = `The pilot came back.1 Nobody had believed
it;2 the lamps were out12 and 3.5 of them lost.
The ledger3 was closed.

1. In the year of the flood.
2. Except his sister,
who set a plate.
3 Kept since March.`;

describe('numbers glued to words', () => {
  it('go with the notes that count as they do', () => {
    const { text, removed } = cleared(BOOK);
    expect(text.slice(0, 3)).toEqual([
      'The pilot came back. Nobody had believed',
      'it; the lamps were out12 and 3.5 of them lost.',
      'The ledger was closed.',
    ]);
    expect(text.slice(4).join('')).toBe('');
    expect(removed.map(({ what }) => what)).toEqual(['footnote', 'footnote', 'footnote', 'note mark']);
    expect(removed[2]).toMatchObject({ from: 8, to: 8, sample: '3 Kept since March.' });
  });

  it('go in every chapter that has notes of its own', () => {
    const { text } = cleared(`${BOOK}\n\nCHAPTER II\n\n${BOOK}`);
    expect(text.filter((line) => line.trim())).toEqual([
      ...cleared(BOOK).text.slice(0, 3),
      'CHAPTER II',
      ...cleared(BOOK).text.slice(0, 3),
    ]);
  });

  it.each([
    ['no notes', BOOK.split('\n\n')[0]!],
    ['fewer notes than marks', BOOK.replace('3 Kept', 'Kept')],
    ['notes that stand before their marks', BOOK.split('\n\n').reverse().join('\n\n')],
    ['two of them, which may be chance', BOOK.replace('3 was', 'was').replace('\n3 Kept since March.', '')],
    ['numbers that count otherwise', BOOK.replace('back.1', 'back.4')],
    ['a list without marks', 'He took\n\n1. a lamp,\n2. a rope,\n3. a ledger.'],
    ['an enumeration', 'By roads—1. The sea.—2. The wall.—3. The mill.\n\n1. One\n\n2. Two\n\n3. Three'],
    ['chemistry and pages', 'See p.1 and No.2 and H3 and the A4 of it.\n\n1. One\n2. Two\n3. Three'],
  ])('stay where there are %s', (_, text) => {
    const lines = cleared(text);
    expect(lines.text.join('\n')).toBe(text);
    expect(lines.removed).toEqual([]);
  });
});
