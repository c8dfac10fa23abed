import type { Tokenizer } from '@mdiff/text';
import { expect, it } from 'vitest';
import { unitsOf } from './units.js';

// A token a character is enough to cut by.
const tokenizer = { encode: (text: string) => Int32Array.from(text, (_, i) => i) } as unknown as Tokenizer;
const twelve = Array.from({ length: 12 }, (_, i) => `Whale ${i} swam.`).join(' ');
const passage = `${twelve}\n\nThe sea was calm.`;
const texts = (...given: Parameters<typeof unitsOf>): string[] => unitsOf(...given).map(({ text }) => text);

it('a paragraph of more than ten sentences is several units, as in training', () => {
  const pieces = texts([twelve], tokenizer, 1000);
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join(' ')).toBe(twelve);
});

it('a unit that was cut before stays whole, and its empty lines are no bytes', () => {
  expect(texts({ units: [twelve, passage] }, tokenizer, 1000)).toEqual([twelve, passage]);
  expect(unitsOf({ units: [passage] }, tokenizer, 1000)[0]!.bytes).toBe(passage.length - 2);
});

it('a unit that no longer fits is cut', () => {
  for (const text of texts({ units: [passage] }, tokenizer, 60)) expect(text.length).toBeLessThanOrEqual(60);
});
