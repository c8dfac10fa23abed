import { expect, it } from 'vitest';
import { edited, stretchesOf, type Doc } from './marks.js';
import { bandOf, marksOf, masksOf, pace, type Frame } from './frames.js';

const doc: Doc = {
  text: 'The old ship sank.',
  marks: [
    { start: 4, end: 7, confidence: 0.5 },
    { start: 13, end: 17, confidence: 0.2 },
  ],
};
const marked = ({ text, marks }: Doc): string[] => marks.map(({ start, end }) => text.slice(start, end));

it('keeps the colours of words that typing does not touch', () => {
  expect(marked(edited(doc, 'The old white ship sank.'))).toEqual(['old', 'sank']);
  expect(marked(edited(doc, 'Then the old ship sank.'))).toEqual(['old', 'sank']);
  expect(marked(edited(doc, 'The odd ship sank.'))).toEqual(['sank']);
  expect(marked(edited(doc, 'The old ship'))).toEqual(['old']);
  expect(marked(edited(doc, ''))).toEqual([]);
  expect(edited(doc, doc.text)).toEqual(doc);
});

it('cuts a text into stretches, of which the first range wins', () => {
  const stretches = stretchesOf('a ___ b', [
    { start: 2, end: 5, kind: 'gap' },
    { start: 0, end: 7, kind: 'mark', confidence: 0.5 },
  ]);
  expect(stretches.map(({ text, kind }) => [text, kind])).toEqual([
    ['a ', 'mark'],
    ['___', 'gap'],
    [' b', 'mark'],
  ]);
  expect(stretchesOf('', [])).toEqual([]);
});

const frame: Frame = {
  step: 2,
  nfe: 2,
  pieces: [
    { text: 'Call me', state: 'given' },
    { text: ' Ish', state: 'committed', confidence: 0.25 },
    { text: 'mael', state: 'provisional', confidence: 0.95 },
    { text: '', state: 'mask' },
  ],
};

it('finds the tokens of the last frame in the text, without the blanks in front of them', () => {
  const marks = marksOf(frame, 'Call me Ishmael.');
  expect(marked({ text: 'Call me Ishmael.', marks })).toEqual(['Ish', 'mael']);
  expect(marks[0]!.confidence).toBe(0.25);
});

it('finds the last window of a text that is longer', () => {
  const text = 'Ish and Ish. Call me Ishmael';
  expect(marksOf({ ...frame, pieces: frame.pieces.slice(0, 3) }, text).map(({ start }) => start)).toEqual([21, 24]);
});

it('leaves out tokens that the server cut off', () => {
  expect(marked({ text: 'Call me Ish', marks: marksOf(frame, 'Call me Ish') })).toEqual(['Ish']);
  expect(marksOf(undefined, 'a')).toEqual([]);
});

it('counts masks, and knows five bands', () => {
  expect(masksOf(frame)).toBe(1);
  expect([0, 0.1, 0.3, 0.5, 0.99].map(bandOf)).toEqual([0, 1, 2, 3, 4]);
});

it('plays many steps faster than few', () => {
  expect(pace(4)).toBe(160);
  expect(pace(60)).toBe(50);
  expect(pace(1_000)).toBe(30);
});
