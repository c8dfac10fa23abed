import { describe, expect, it } from 'vitest';

import type { Document, Section } from '../types.js';
import { holdOut } from './holdout.js';

const section = (title: string, paragraphs: number, words = 10): Section => ({
  title,
  paragraphs: Array.from({ length: paragraphs }, (_, i) => ({ text: `${title} ${i} ${'word '.repeat(words)}`.trim(), kind: 'prose' })),
});
const book = (sections: Section[]): Document[] => [{ id: 'a', title: 'a', sections }];
const words = (text: string) => text.split(' ').length;

describe('holdOut', () => {
  it('takes the 10th, 20th, … chapter of the share 0.1', () => {
    const sections = Array.from({ length: 25 }, (_, i) => section(`c${i + 1}`, 2));
    const { train, heldOut, unit } = holdOut(book(sections), 0.1);
    expect(unit).toBe('sections');
    expect(heldOut.map(({ title }) => title)).toEqual(['c10', 'c20']);
    expect(train).toHaveLength(23);
  });

  it('counts chapters over all documents', () => {
    const documents = Array.from({ length: 20 }, (_, i) => book([section(`d${i + 1}`, 1)])[0]!);
    expect(holdOut(documents, 0.25).heldOut.map(({ title }) => title)).toEqual(['d4', 'd8', 'd12', 'd16', 'd20']);
  });

  it('cuts fewer than 20 chapters into blocks of whole paragraphs of about 2,000 tokens', () => {
    // 500 words a paragraph: four of them make a block.
    const sections = [section('a', 40, 498), section('b', 40, 498)];
    const { train, heldOut, unit } = holdOut(book(sections), 0.1, words);
    expect(unit).toBe('blocks');
    expect(train.length + heldOut.length).toBe(20);
    expect(heldOut).toHaveLength(2);
    for (const block of [...train, ...heldOut]) expect(block.paragraphs).toHaveLength(4);
    const every = [...train, ...heldOut].flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)).sort();
    expect(every).toEqual(sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text)).sort());
  });

  it('holds something out of a text too short for ten blocks of 2,000 tokens', () => {
    const { train, heldOut } = holdOut(book([section('a', 30, 20)]), 0.1, words);
    expect(heldOut).toHaveLength(1);
    expect(heldOut[0]!.paragraphs).toHaveLength(3);
    expect(train).toHaveLength(9);
  });

  it.each([0.05, 0.1, 0.3, 0.7, 0.9])(
    'holds something out of one section of 60 paragraphs with the share %f, and leaves something',
    (share) => {
      const section = {
        title: '',
        paragraphs: Array.from({ length: 60 }, (_, i) => ({ text: `Paragraph ${i} has a few words in it.`, kind: 'prose' as const })),
      };
      const { train, heldOut } = holdOut([{ id: 'one', title: '', sections: [section] }], share);
      expect(heldOut.length).toBeGreaterThan(0);
      expect(train.length).toBeGreaterThan(0);
    },
  );

  it('refuses a share out of range', () => {
    for (const share of [-0.1, 0.95, NaN]) expect(() => holdOut(book([section('a', 3)]), share)).toThrow(RangeError);
  });

  it('holds nothing out at 0', () => {
    expect(holdOut(book([section('a', 3)]), 0)).toMatchObject({ heldOut: [], unit: 'sections', train: [{ title: 'a' }] });
  });
});
