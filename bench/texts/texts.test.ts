import { bookStatistics, textStatistics } from '@mdiff/text/statistics';
import { expect, it } from 'vitest';
import { pageOf } from './page.js';
import { gappedOf, promptsOf } from './prompts.js';

const sentence = (n: number): string => `S${n} a b c d e f g h i j k land.`;

it('takes gaps and prompts from places that are spread evenly', () => {
  const paragraphs = Array.from({ length: 40 }, (_, i) => `${sentence(2 * i)} ${sentence(2 * i + 1)}`).concat('Too short.');
  const gapped = gappedOf(paragraphs, 4);
  expect(gapped.map(({ before }) => before)).toEqual(['S10 a b c d ', 'S30 a b c d ', 'S50 a b c d ', 'S70 a b c d ']);
  expect(gapped[0]).toEqual({ before: 'S10 a b c d ', words: 'e f g', after: ' h i j k land.' });
  expect(promptsOf(paragraphs, 2)).toEqual(['S20 a b c d e f g', 'S60 a b c d e f g']);
  expect(promptsOf(['short'], 2)).toEqual([]);
});

it('writes a page with every text and the table', () => {
  const book = bookStatistics(['The whale swam to the sea.']);
  const statistics = textStatistics(['The whale swam ofland.'], book);
  const page = pageOf({
    book: 'Moby-Dick',
    gapped: [{ before: 'The whale ', words: 'swam to', after: ' the sea.' }],
    prompts: ['Call me'],
    writers: [{ label: 'base', about: 'a | b', fills: ['went\nfor'], continuations: [' Ishmael.'], statistics }],
    heldOut: textStatistics(['The whale swam.'], book),
    settings: 'temperature 0.8',
    seed: 1,
  });
  expect(page).toContain('| base | a \\| b |\n');
  expect(page).toContain('| longest run that stands in the book | 3 words | 3 words |\n');
  expect(page).toContain('- base: ofland\n');
  expect(page).toContain('1. The whale **___** the sea.\n\n   - the book: swam to\n   - base: went for\n');
  expect(page).toContain('1. **Call me**\n\n   - base: …Ishmael.\n');
});
