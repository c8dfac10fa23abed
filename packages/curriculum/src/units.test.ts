import { holdOut, Tokenizer, type Section } from '@mdiff/text';
import { loadSource } from '@mdiff/text/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bytes, section } from './fixture.test.util.js';
import { cutUnits, makeUnits, type UnitOptions } from './units.js';

const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota'];
const data = { min_sentence_length: 1, max_sentence_length: 512, sentence_overlap: 50, paragraph_max_sentences: 10 };
const options = (more: Partial<UnitOptions> = {}): UnitOptions => ({
  format: 'paragraphs',
  data,
  maxSlot: 512,
  shiftHead: true,
  seed: 1,
  ...more,
});
const texts = (sections: Section[], more: Partial<UnitOptions> = {}) =>
  makeUnits(sections, bytes, options(more)).map(({ tokens }) => bytes.decode(tokens));

describe('paragraphs', () => {
  it('are units as they stand when they fit', () => {
    const units = makeUnits([section('One two. Three.', 'Four.'), section('Fünf.')], bytes, options());
    expect(units.map(({ id, section: index, bytes: size, kind }) => [id, index, size, kind])).toEqual([
      [0, 0, 15, 'prose'],
      [1, 0, 5, 'prose'],
      [2, 1, 6, 'prose'],
    ]);
  });

  it('with more than paragraph_max_sentences sentences are split at sentence ends', () => {
    const paragraph = words
      .slice(0, 7)
      .map((word) => `This sentence is ${word}.`)
      .join(' ');
    const pieces = texts([section(paragraph)], { data: { ...data, paragraph_max_sentences: 3 } });
    expect(pieces.join(' ')).toBe(paragraph);
    for (const piece of pieces) expect(piece.match(/sentence/g)!.length).toBeLessThanOrEqual(3);
    expect(pieces).toHaveLength(3);
  });

  it('longer than a slot are split at sentence ends, and a sentence longer than a slot at blanks', () => {
    const paragraph = 'A short one. Here stands a sentence that is much longer than forty tokens, even by itself. The end.';
    const pieces = texts([section(paragraph)], { maxSlot: 42 });
    expect(pieces.join(' ')).toBe(paragraph);
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(40);
    expect(pieces.length).toBeGreaterThan(2);
  });

  it('end at sentence ends wherever every sentence fits', () => {
    const paragraph = words.map((word) => `The whale is ${word}.`).join(' ');
    const pieces = texts([section(paragraph)], { maxSlot: 64 });
    expect(pieces.join(' ')).toBe(paragraph);
    for (const piece of pieces) expect(piece).toMatch(/^The .*\.$/);
  });

  it('leave room for [EOS], and for [BOS] with a shifted head', () => {
    expect(texts([section('abcdefgh')], { maxSlot: 9, shiftHead: false })).toEqual(['abcdefgh']);
    expect(texts([section('abcdefgh')], { maxSlot: 9, shiftHead: true })).toEqual(['abcd', 'efgh']);
    expect(texts([section('abcdefgh')], { maxSlot: 10, shiftHead: true })).toEqual(['abcdefgh']);
  });

  it('hold verse with its lines, and no headings', () => {
    const mixed: Section = {
      title: 't',
      paragraphs: [
        { text: 'II.', kind: 'heading' },
        { text: 'A line,\nanother.', kind: 'verse' },
      ],
    };
    expect(texts([mixed])).toEqual(['A line,\nanother.']);
    expect(() => makeUnits([mixed], bytes, options({ format: 'sentences' }))).toThrow(/got none from 1 sections/);
  });

  it('lose no character, for any text and slot', () => {
    const word = fc.string({
      unit: fc.oneof(
        fc.constantFrom('a', 'B', '.', '! ', ' ', '\n', '"', '漢', '😀'),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      ),
      minLength: 1,
      maxLength: 120,
    });
    fc.assert(
      fc.property(word, fc.integer({ min: 16, max: 60 }), fc.integer({ min: 1, max: 4 }), (text, maxSlot, most) => {
        fc.pre(text.trim() !== '');
        const units = makeUnits([section(text)], bytes, options({ maxSlot, data: { ...data, paragraph_max_sentences: most } }));
        for (const { tokens } of units) expect(tokens.length + 2).toBeLessThanOrEqual(maxSlot);
        const bare = (part: string) => part.replace(/\s+/g, '');
        expect(bare(units.map(({ tokens }) => bytes.decode(tokens)).join(''))).toBe(bare(text));
      }),
      { numRuns: 300 },
    );
  });
});

describe('sentences', () => {
  const text = 'No. This one is long enough. And here is one that has to be cut into pieces of words.';
  it('shorter than min_sentence_length are no units; longer than max_sentence_length are cut at blanks', () => {
    // "No." has 3 tokens; 30 with [EOS] leaves 29 for text, and the last sentence has 56.
    expect(texts([section(text)], { format: 'sentences', data: { ...data, min_sentence_length: 4, max_sentence_length: 30 } })).toEqual([
      'This one is long enough.',
      'And here is one that has to',
      'be cut into pieces of words.',
    ]);
  });
});

describe('pairs', () => {
  const sentences = words.map((word) => `The whale is ${word}.`);
  const pairs = (sentence_overlap: number, seed = 1) =>
    texts([section(sentences.join(' '))], { format: 'pairs', data: { ...data, sentence_overlap }, seed });
  const pair = (i: number) => `${sentences[i]} ${sentences[i + 1]}`;

  it('at 50 percent overlap are every neighbour pair; at 0 disjoint', () => {
    expect(pairs(50)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(pair));
    expect(pairs(0)).toEqual([0, 2, 4, 6].map(pair));
  });

  it('between, hold the disjoint pairs and a seeded share of the others', () => {
    const long = [section(Array.from({ length: 2001 }, (_, i) => sentences[i % 9]).join(' '))];
    const count = (seed: number) => texts(long, { format: 'pairs', data: { ...data, sentence_overlap: 20 }, seed }).length;
    // 1000 disjoint pairs and 40 % of 1000 others, give or take six standard deviations (15.5 each).
    expect(Math.abs(count(1) - 1400)).toBeLessThan(93);
    expect(count(1)).toBe(count(1));
    expect(pairs(20, 1)).toEqual(expect.arrayContaining(pairs(0)));
  });

  it('leave out short sentences and never cross a paragraph', () => {
    const minimum = { ...data, min_sentence_length: 8 };
    expect(
      texts([section('The first one. No. The third one. The fourth one.', 'The fifth one. The last one.')], {
        format: 'pairs',
        data: minimum,
      }),
    ).toEqual(['The third one. The fourth one.', 'The fifth one. The last one.']);
  });
});

describe('passages', () => {
  const chapter = words.map((word) => `The whale is ${word}.`);
  const passages = (longest: boolean, more: Partial<UnitOptions> = {}) =>
    [...cutUnits([section(...chapter)], bytes, options({ format: 'passages', maxSlot: 64, longest, ...more }))].map(
      ({ tokens, paragraphs, bytes: size }) => ({ text: bytes.decode(tokens), paragraphs, size }),
    );

  it('hold neighbouring paragraphs, as many as fit, and count no empty line', () => {
    const [first, second] = passages(true);
    expect(first!.text).toBe(chapter.slice(0, 3).join('\n\n'));
    expect(first!.paragraphs).toEqual([0, 2]);
    expect(second!.text.startsWith(chapter[3]!)).toBe(true);
    expect(first!.size).toBe(chapter.slice(0, 3).join('').length);
  });

  it('have drawn lengths in training: some hold one paragraph, some as many as fit, and all of the text is in them', () => {
    const many = Array.from({ length: 400 }, (_, i) => `Whale ${i} is ${words[i % 9]}.`);
    const units = [...cutUnits([section(...many)], bytes, options({ format: 'passages', maxSlot: 128, seed: 3 }))];
    const counts = units.map(({ paragraphs: [first, last] }) => last - first + 1);
    expect(counts.reduce((sum, count) => sum + count)).toBe(many.length);
    expect(units.map(({ tokens }) => bytes.decode(tokens)).join('\n\n')).toBe(many.join('\n\n'));
    expect(Math.min(...counts)).toBe(1);
    const full = counts.filter((count) => count >= 5).length;
    expect(full / counts.length).toBeGreaterThan(0.4);
    expect(full / counts.length).toBeLessThan(0.8);
  });

  it('join the pieces of a long paragraph with a blank, and nothing over a heading or over two sections', () => {
    const heading = { text: 'II.', kind: 'heading' as const };
    const prose = (text: string) => ({ text, kind: 'prose' as const });
    const long = 'Here is a first sentence. Here is a second one. And the third.';
    const sections: Section[] = [
      { title: 'a', paragraphs: [prose('One.'), heading, prose('Two.'), prose(long)] },
      { title: 'b', paragraphs: [prose('Three.')] },
    ];
    const cut = texts(sections, { format: 'passages', maxSlot: 44, longest: true });
    expect(cut[0]).toBe('One.');
    expect(cut.at(-1)).toBe('Three.');
    expect(cut.slice(1, -1).join(' ').replace('\n\n', ' ')).toBe(`Two. ${long}`);
    for (const text of cut) expect(text.length).toBeLessThanOrEqual(42);
  });

  it('name the sentences that they hold', () => {
    const [unit] = [
      ...cutUnits([section('A first one. A second.', 'A third.')], bytes, options({ format: 'passages', maxSlot: 64, longest: true })),
    ];
    expect(unit!.parts!.map(({ sentence }) => sentence)).toEqual([0, 1, 2]);
  });
});

it('refuses a slot without room, and a text without units', () => {
  expect(() => makeUnits([section('a')], bytes, options({ maxSlot: 2 }))).toThrow(
    expect.objectContaining({ code: 'MDIFF_CURRICULUM', exitCode: 2 }),
  );
  expect(() => makeUnits([], bytes, options())).toThrow(/expected text for units of format "paragraphs", got none from 0 sections/);
});

it('cuts Moby-Dick into units that hold all of it', async () => {
  const { documents } = await loadSource('builtin:moby-dick');
  const { heldOut } = holdOut(documents, 0.1);
  const merged = Tokenizer.fromMerges([]);
  const units = makeUnits(heldOut, merged, options({ maxSlot: 400 }));
  const bare = (text: string) => text.replace(/\s+/g, '');
  const all = heldOut.flatMap(({ paragraphs }) => paragraphs.filter(({ kind }) => kind !== 'heading').map(({ text }) => text)).join('');
  expect(bare(units.map(({ tokens }) => merged.decode(tokens)).join(''))).toBe(bare(all));
});

it('makes the same units of a text whatever stands before it, and never one of two documents', () => {
  const [one, two] = ['The whale is white. The sea is wide. It is night. No ship is near.', 'A bird sings here. A man sleeps there.'].map(
    (text) => section(text),
  ) as [Section, Section];
  for (const format of ['paragraphs', 'sentences', 'pairs'] as const) {
    const cut = (sections: readonly Section[]) =>
      makeUnits(sections, bytes, options({ format, maxSlot: 64, data: { ...data, sentence_overlap: 20 } })).map(({ tokens }) => tokens);
    expect(cut([one, two])).toEqual([...cut([one]), ...cut([two])]);
  }
});
