import { expect, it } from 'vitest';
import { passagesOf, tally, winner } from './passages.js';

it('spreads passages evenly and keeps them apart', () => {
  const paragraphs = Array.from({ length: 60 }, (_, i) => `p${i} one two three four`);
  const passages = passagesOf(paragraphs, { count: 6, words: 12 });
  expect(passages.map((passage) => passage.map((text) => text.split(' ')[0]))).toEqual(
    [5, 15, 25, 35, 45, 55].map((from) => [`p${from}`, `p${from + 1}`, `p${from + 2}`]),
  );
  const crowded = passagesOf(paragraphs.slice(0, 10), { count: 3, words: 15 }).flat();
  expect(new Set(crowded).size).toBe(crowded.length);
  expect(passagesOf(['one two'], { count: 6, words: 3 })).toEqual([]);
});

it('counts how often the right model wins', () => {
  const verdicts = [
    { author: 'melville', ratios: { melville: 0.3, shelley: 0.1 } },
    { author: 'melville', ratios: { melville: -0.1, shelley: 0.1 } },
    { author: 'shelley', ratios: { melville: -0.2, shelley: -0.1 } },
  ];
  expect(verdicts.map(winner)).toEqual(['melville', 'shelley', 'shelley']);
  expect(tally(verdicts)).toEqual({ right: 2, of: 3, byAuthor: { melville: { right: 1, of: 2 }, shelley: { right: 1, of: 1 } } });
});
